"""Generated text is run, or read line by line where its language is not at hand, against the equations in 40 digits."""

import ast
import csv
import ctypes
import math
import re
import shutil
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import sympy as sp
import torch

from lagsym import systems
from lagsym.errors import InputError
from lagsym.mechanics.calculus import euler_lagrange
from lagsym.mechanics.codegen import LANGUAGES, file_name, generate
from lagsym.mechanics.jetspace import JetSpace
from lagsym.mechanics.notation.parsing import parse
from lagsym.mechanics.system import parameter_symbol

PARTICLES = {name: s for name, s in systems.catalogue().items() if s.space.base == ("t",)}
CHOSEN = ("driven_pendulum", "double_pendulum", "triple_pendulum", "two_body", "damped_circulatory", "relativistic_2d")
COMPILER = next((path for path in map(shutil.which, ("gcc", "cc", "clang")) if path), None)
TOLERANCE = 1e-12
TIME = 0.7


class Motion:
    """A Lagrangian with all that `generate` takes, and its values from the calculus of variations in 40 digits."""

    def __init__(self, space, lagrangian, values, dissipation=sp.S.Zero, forces=None, ranges=None):
        self.space, self.lagrangian, self.dissipation = space, lagrangian, dissipation
        self.values, self.forces = {parameter_symbol(name): value for name, value in values.items()}, forces or {}
        self.n, self.ranges = len(space.fields), ranges or {}
        arguments = (*space.base_symbols, *space.positions, *space.velocities, *space.accelerations, *self.values)
        self._residual = sp.lambdify(arguments, self._equations(), "mpmath")
        self._lagrangian = sp.lambdify(arguments, lagrangian, "mpmath")

    def _equations(self):
        applied = [self.forces.get(name, 0) for name in self.space.fields]
        friction = [sp.diff(self.dissipation, v) for v in self.space.velocities]
        rows = zip(euler_lagrange(self.lagrangian, self.space), applied, friction, strict=True)
        # sign(x) is flat on both sides of its jump.
        return [(e + q - d).replace(sp.DiracDelta, lambda *_: 0) for e, q, d in rows]

    @classmethod
    def of(cls, system):
        return cls(system.space, system.lagrangian, system.parameters, system.dissipation, system.forces, system.ranges)

    def generate(self, language, **options):
        return generate(
            self.lagrangian,
            self.space,
            language,
            dissipation=self.dissipation,
            forces=self.forces,
            constants=self.values,
            **options,
        )

    def draw(self, samples):
        generator = np.random.default_rng(3)
        names = [symbol.name for symbol in (*self.space.positions, *self.space.velocities)]
        low, high = np.array([self.ranges.get(name, (0.3, 1.2)) for name in names]).T
        drawn = generator.uniform(low, high, (samples, 2 * self.n))
        return drawn[:, : self.n], drawn[:, self.n :]

    def expected(self, q, v, values=None):
        """Mass matrix, force, accelerations, energy and power at one state."""
        constants = [mpmath.mpf(x) for x in (values or list(self.values.values()))]
        with mpmath.workdps(40):
            t, q, v = mpmath.mpf(TIME), [mpmath.mpf(x) for x in q], [mpmath.mpf(x) for x in v]
            zero = [mpmath.mpf(0)] * self.n

            def residual(a):
                return mpmath.matrix(self._residual(t, *q, *v, *a, *constants))

            def lagrangian(q, v, t=t):
                return self._lagrangian(t, *q, *v, *zero, *constants)

            force = residual(zero)
            mass = mpmath.matrix(self.n, self.n)
            for j in range(self.n):
                mass[:, j] = force - residual([*zero[:j], mpmath.mpf(1), *zero[j + 1 :]])
            a = mpmath.lu_solve(mass, force)
            energy = self._legendre(lagrangian, q, v)
            # Along the solution, q + v s + a s^2/2 and v + a s, the energy changes at this rate.
            power = mpmath.diff(
                lambda s: self._legendre(
                    lambda q, v: lagrangian(q, v, t + s),
                    [x + y * s + z * s**2 / 2 for x, y, z in zip(q, v, a, strict=True)],
                    [y + z * s for y, z in zip(v, a, strict=True)],
                ),
                0,
            )
            return (*(np.array(x.tolist(), float) for x in (mass, force.T, a.T)), float(energy), float(power))

    def _legendre(self, lagrangian, q, v):
        def along(scale):
            return lagrangian(q, [scale * x for x in v])

        return mpmath.diff(along, 1) - lagrangian(q, v)


def everything():
    """Every function, explicit time, friction, forces, jumps, awkward numbers and names."""
    space = JetSpace(("lambda", "θ"))
    names = space.names | {name: parameter_symbol(name) for name in ("M", "q", "der", "end", "term_1", "numpy")}
    names |= {"b": space.symbol(1), "b_dot": space.symbol(1, (0,))}
    lagrangian = parse(
        "(1 + cos(t)**2/3)*lambda_dot**2*M/2 + (2 + lambda**2)*b_dot**2 + 0.1*lambda*lambda_dot*b_dot"
        " + pi*lambda*b_dot/7 + abs(b_dot)**3/9 + sqrt(1 + b_dot**2)"
        " - q*sin(lambda)*cos(b) - tan(lambda)/7 - exp(-lambda**2)*der - log(1 + b**2) - sqrt(lambda**2 + 2)"
        " - asin(lambda/9) - acos(b/9) - atan(lambda*b) - atan2(b, lambda) - atan2(2, b + 3) - atan2(lambda, -2)"
        " - sinh(lambda/3) - cosh(b/2)*end - tanh(lambda*t) - abs(lambda - 1)**3 - lambda*b*sign(b - 0.6)"
        " - 0.3*b**(-3) - lambda**(1/3) - b**2.5*term_1 - 2**lambda*sqrt(2) - (lambda**M)**(-q) - sqrt(3)**b"
        " - 1e-17*b/3 - 12345678901234567890*lambda/10**20 - 10**25/(10**25*b + 1) - 1/sqrt(lambda + b)",
        names,
    )
    lam, (lam_dot, b_dot) = space.positions[0], space.velocities
    values = {"M": 1.7, "q": 0.3, "der": 0.1, "end": -2.5e-7, "term_1": 1 / 3, "numpy": 123456789.123456789}
    dissipation = names["numpy"] * lam_dot**2 / 10**9 + sp.Abs(b_dot) ** 3 / 5
    forces = {"θ": sp.cos(names["q"] * space.base_symbols[0]) * lam - sp.sign(b_dot) / 4}
    return Motion(space, lagrangian, values, dissipation, forces)


def pivoting():
    """A mass matrix with nothing on its diagonal, and a coordinate of its own."""
    space = JetSpace(tuple("wxyz"))
    (w, x, y, z), (vw, vx, vy, vz) = space.positions, space.velocities
    return Motion(space, vx * vy + vy * vz + vx * vz * (2 + w**2) + vw**2 - x * y**2 * z - sp.cos(w), {})


MOTIONS = {"everything": everything(), "pivoting": pivoting()} | {name: Motion.of(PARTICLES[name]) for name in CHOSEN}
motions = pytest.mark.parametrize("motion", MOTIONS.values(), ids=list(MOTIONS))


def load(text):
    module = {}
    exec(compile(text, "generated", "exec"), module)
    return module


def assert_agrees(motion, functions, samples=3):
    """Functions of (t, q, v) against the independent values: mass_and_force, acceleration, energy, power."""
    for q, v in zip(*motion.draw(samples), strict=True):
        mass, force, acceleration, energy, power = motion.expected(q, v)
        got_mass, got_force = functions["mass_and_force"](TIME, q, v)
        close(got_mass, mass)
        close(got_force, force[0])
        close(functions["acceleration"](TIME, q, v), acceleration[0])
        close(functions["energy"](TIME, q, v), energy, abs(motion_scale(energy)))
        close(functions["power"](TIME, q, v), power, abs(motion_scale(energy)))


def motion_scale(energy):
    return max(1.0, abs(energy))


def close(got, expected, scale=1.0):
    size = max(float(np.max(np.abs(expected))), scale)
    np.testing.assert_allclose(np.asarray(got, float), expected, rtol=TOLERANCE, atol=TOLERANCE * size)


@motions
def test_numpy(motion):
    assert_agrees(motion, load(motion.generate("numpy")))


@pytest.mark.parametrize("name", sorted(set(PARTICLES) - set(CHOSEN)))
def test_numpy_for_the_catalogue(name):
    motion = Motion.of(PARTICLES[name])
    assert_agrees(motion, load(motion.generate("numpy")), samples=1)


@motions
def test_torch(motion):
    module = load(motion.generate("torch"))

    def plain(name):
        def function(t, q, v):
            result = module[name](t, torch.tensor(q), torch.tensor(v))
            return tuple(part.numpy() for part in result) if isinstance(result, tuple) else result.numpy()

        return function

    assert_agrees(motion, {name: plain(name) for name in ("mass_and_force", "acceleration", "energy", "power")})


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler: gcc, cc or clang")
@motions
def test_c(motion, tmp_path):
    assert_agrees(motion, compiled(motion, tmp_path))


def compiled(motion, folder):
    """The functions of the C text in a shared library, compiled with every warning an error."""
    source, library = folder / file_name("law", "c"), folder / "law.so"
    source.write_text(motion.generate("c", name="law"))
    strict = ["-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror"]
    subprocess.run([COMPILER, *strict, "-shared", "-fPIC", str(source), "-o", str(library), "-lm"], check=True)
    loaded = ctypes.CDLL(str(library))
    defaults = (ctypes.c_double * max(len(motion.values), 1)).in_dll(loaded, "law_parameters")
    array = np.ctypeslib.ndpointer(dtype=float, flags="C")

    def function(name, *shapes, result=None):
        call = getattr(loaded, f"law_{name}")
        call.argtypes = [ctypes.c_double, array, array, array] + [array] * len(shapes)
        call.restype = result

        def run(t, q, v, failed=0):
            outputs = [np.full(shape, np.nan) for shape in shapes]
            returned = call(t, np.array(q), np.array(v), np.array(defaults), *outputs)
            if result is ctypes.c_double:
                return returned
            assert returned in (None, failed)
            return outputs[0] if len(outputs) == 1 else outputs

        return run

    n = motion.n
    return {
        "mass_and_force": function("mass_and_force", (n, n), n),
        "acceleration": function("acceleration", n, result=ctypes.c_int),
        "energy": function("energy", result=ctypes.c_double),
        "power": function("power", result=ctypes.c_double),
    }


@pytest.mark.skipif(COMPILER is None, reason="needs a C compiler: gcc, cc or clang")
@pytest.mark.parametrize("n", [1, 2, 3])
def test_c_says_where_there_are_no_accelerations(n, tmp_path):
    space = JetSpace(tuple("xyz"[:n]))
    chained = sum(space.velocities) ** 2 * space.positions[0] + sum(v**2 for v in space.velocities[1:])
    motion = Motion(space, chained - sum(space.positions), {})
    compiled(motion, tmp_path)["acceleration"](0.0, np.zeros(n), np.ones(n), failed=1)


@pytest.mark.parametrize("language", ["numpy", "torch"])
@pytest.mark.parametrize("name", ["everything", "pivoting", "double_pendulum"])
def test_leading_dimensions_are_samples(language, name):
    motion = MOTIONS[name]
    module = load(motion.generate(language))
    array = {"numpy": np.asarray, "torch": torch.as_tensor}[language]
    q, v = (array(x.reshape(2, 3, -1)) for x in motion.draw(6))
    times = np.linspace(0, 1, 3)
    mass, force = module["mass_and_force"](array(times), q, v)
    assert mass.shape == (2, 3, motion.n, motion.n)
    assert force.shape == module["acceleration"](array(times), q, v).shape == (2, 3, motion.n)
    assert module["energy"](array(times), q, v).shape == module["power"](array(times), q, v).shape == (2, 3)
    for i, j in np.ndindex(2, 3):
        one = module["acceleration"](times[j], q[i, j], v[i, j])
        np.testing.assert_allclose(module["acceleration"](array(times), q, v)[i, j], one, rtol=1e-13)


@pytest.mark.parametrize("language", ["numpy", "torch"])
def test_one_state_at_several_times(language):
    motion = MOTIONS["everything"]
    module = load(motion.generate(language))
    array = {"numpy": np.asarray, "torch": torch.as_tensor}[language]
    q, v = (array(x[0]) for x in motion.draw(1))
    times = array(np.array([0.1, TIME]))
    assert module["mass_and_force"](times, q, v)[0].shape == (2, 2, 2)
    got = np.asarray(module["acceleration"](times, q, v))
    np.testing.assert_allclose(got[1], np.asarray(module["acceleration"](TIME, q, v)), rtol=1e-14)
    assert not np.allclose(got[0], got[1])


@pytest.mark.parametrize(
    ("language", "solve"), {"numpy": "linalg.solve(", "torch": "linalg.solve(", "julia": "\\ "}.items()
)
def test_beyond_two_coupled_coordinates_a_system_is_solved(language, solve):
    assert solve in MOTIONS["triple_pendulum"].generate(language)
    assert solve not in MOTIONS["double_pendulum"].generate(language)


@pytest.mark.parametrize("language", ["numpy", "torch"])
def test_parameters_are_arguments_and_may_differ_between_samples(language):
    motion = MOTIONS["double_pendulum"]
    module = load(motion.generate(language))
    q, v = motion.draw(2)
    changed = {"m1": 0.3, "m2": 2.0, "l1": 1.3, "l2": 0.4, "g": 5.0}
    array = {"numpy": np.asarray, "torch": torch.as_tensor}[language]
    varied = {**changed, "m2": array(np.array([2.0, 0.7]))}
    got = np.asarray(module["acceleration"](0.0, array(q), array(v), varied))
    for k, m2 in enumerate((2.0, 0.7)):
        values = [{**changed, "m2": m2}[symbol.name] for symbol in motion.values]
        close(got[k], motion.expected(q[k], v[k], values)[2][0])


@pytest.mark.parametrize("name", ["everything", "triple_pendulum"])
def test_torch_is_differentiable_by_state_and_parameters(name):
    motion = MOTIONS[name]
    module, names = load(motion.generate("torch")), list(load(motion.generate("torch"))["PARAMETERS"])
    q, v = (torch.tensor(x, requires_grad=True) for x in motion.draw(2))
    parameters = torch.tensor(list(motion.values.values()), dtype=torch.float64, requires_grad=True)

    def accelerate(q, v, parameters):
        return module["acceleration"](TIME, q, v, dict(zip(names, parameters, strict=True)))

    assert torch.autograd.gradcheck(accelerate, (q, v, parameters))
    single = (x.detach().float() for x in (q, v))
    assert module["acceleration"](TIME, *single).dtype == torch.float32


# Julia and Modelica, read by their own rules where they cannot be run

SAME = ("sin", "cos", "tan", "exp", "log", "sqrt", "asin", "acos", "sinh", "cosh", "tanh")
FUNCTIONS = {name: getattr(math, name) for name in SAME}
FUNCTIONS |= {"abs": abs, "sign": lambda x: float(x > 0) - float(x < 0)}
JULIA = FUNCTIONS | {"atan": lambda y, x=None: math.atan(y) if x is None else math.atan2(y, x)}
MODELICA = FUNCTIONS | {"atan": math.atan, "atan2": math.atan2}
NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


def without_comments(text, mark):
    return [line.split(mark)[0].rstrip() for line in text.splitlines() if line.split(mark)[0].strip()]


def assign(lines, known, functions):
    """Carry out the assignments `name = formula`; every name must have got its value before."""
    for line in lines:
        name, formula = line.strip().rstrip(";").split(" = ")
        assert "**" not in formula
        assert not re.search(r"[*/^+-]\s*[-+]", formula), "an operator follows an operator"
        assert not re.search(r"\^[\w.]+\^", formula), "powers of powers need brackets"
        assert set(NAME.findall(formula)) <= {*known, *functions}
        python = NAME.sub(lambda found: f"name_{found[0]}", formula).replace("^", "**")  # where lambda is a word, too
        known[name] = eval(python, {f"name_{key}": value for key, value in {**functions, **known}.items()})
    return known


def julia_function(lines, name):
    start = next(i for i, line in enumerate(lines) if line.startswith(f"function {name}("))
    body = lines[start + 1 : lines.index("end", start)]
    assignments = [line for line in body if re.match(r"    \w+ = [^\[]", line) and "mass_and_force" not in line]
    return assignments, body


@motions
def test_julia_text(motion):
    lines = without_comments(motion.generate("julia", name="Law"), "#")
    openers = [line for line in lines if re.match(r"\s*(module|function|if|for|while|begin|let|struct)\b", line)]
    assert len(openers) == sum(line.strip() == "end" for line in lines)
    assert lines[0] == "module Law"
    values = re.search(r"const PARAMETERS = (.*)", "\n".join(lines))[1]
    parameters = dict(re.findall(r"(\w+) = ([^,)]+)", values))
    assert [float(x) for x in parameters.values()] == list(motion.values.values())
    for q, v in zip(*motion.draw(2), strict=True):
        mass, force, acceleration, energy, power = motion.expected(q, v)

        def run(name, q=q, v=v):
            assignments, body = julia_function(lines, name)
            given = {f"positions[{i + 1}]": x for i, x in enumerate(q)}
            given |= {f"velocities[{i + 1}]": x for i, x in enumerate(v)}
            given |= {f"parameters.{name}": float(x) for name, x in parameters.items()}
            known = {"t": TIME}
            inputs = [line.strip().split(" = ") for line in assignments if line.strip().split(" = ")[1] in given]
            known |= {name: given[source] for name, source in inputs}
            rest = [line for line in assignments if line.strip().split(" = ")[1] not in given]
            return assign(rest, known, JULIA), body

        known, body = run("mass_and_force")
        rows = body[body.index("    mass_matrix = [") + 1 : body.index("    ]")]
        close([[known.get(x, 0.0) for x in row.split()] for row in rows], mass)
        vector = re.search(r"force_vector = \[(.*)\]", "\n".join(body))[1].split(", ")
        close([known.get(x, 0.0) for x in vector], force[0])
        known, body = run("acceleration")
        if "\\" not in body[-1]:
            got = re.search(r"return \[(.*)\]", body[-1])[1].split(", ")
            close([known[x] for x in got], acceleration[0])
        for name, value in (("energy", energy), ("power", power)):
            known, body = run(name)
            close(known.get(body[-1].removeprefix("    return "), 0.0), value, motion_scale(energy))


@motions
def test_modelica_text(motion):
    lines = without_comments(motion.generate("modelica", name="Law"), "//")
    assert lines[0].startswith("model Law ")
    assert lines[-1] == "end Law;"
    middle = lines.index("equation")
    declarations = [re.fullmatch(r"  (parameter )?Real (\w+)(.*);", line) for line in lines[1:middle]]
    declared = [match[2] for match in declarations]
    assert len(declared) == len(set(declared))
    known = {match[2]: float(match[3].removeprefix(" = ")) for match in declarations if match[1]}
    assert list(known.values()) == list(motion.values.values())
    equations = lines[middle + 1 : -1]
    assert len(equations) == len(declared) - len(known), "as many equations as unknowns"
    assert all(line.endswith(";") for line in equations)
    states = [match[2] for match in declarations if "fixed" in match[3]]
    n, plain = motion.n, [line for line in equations if "der(" not in line]
    assert [line.strip() for line in equations[:n]] == [f"der({states[i]}) = {states[n + i]};" for i in range(n)]
    for q, v in zip(*motion.draw(2), strict=True):
        _, _, acceleration, energy, _ = motion.expected(q, v)
        start = dict(zip(states, [*q, *v], strict=True))
        values = assign(plain, known | {"time": TIME} | start, MODELICA)
        assert set(values) - {"time"} == set(declared)
        rates = dict(zip(states[n:], acceleration[0], strict=True))
        for line in [line for line in equations[n:] if "der(" in line]:
            left, right = line.strip().rstrip(";").split(" = ")
            terms = [(values[mass], rates[rate]) for mass, rate in re.findall(r"(\w+)\*der\((\w+)\)", left)]
            size = sum(abs(mass * rate) for mass, rate in terms)
            close(sum(mass * rate for mass, rate in terms), values.get(right, 0.0), size)
        close(values["energy"], energy, motion_scale(energy))


@pytest.mark.skipif(shutil.which("julia") is None, reason="needs Julia")
@motions
def test_julia_runs(motion, tmp_path):
    q, v = (x[0] for x in motion.draw(1))
    state = ", ".join([repr(TIME), str(q.tolist()), str(v.tolist())])
    file = tmp_path / file_name("law", "julia")
    file.write_text(f"{motion.generate('julia', name='Law')}\nprintln(join(Law.acceleration({state}), ' '))\n")
    printed = subprocess.run(["julia", str(file)], check=True, capture_output=True, text=True).stdout
    close([float(x) for x in printed.split()], motion.expected(q, v)[2][0])


@pytest.mark.skipif(shutil.which("omc") is None, reason="needs OpenModelica")
@motions
def test_modelica_is_understood(motion, tmp_path):
    file = tmp_path / file_name("Law", "modelica")
    file.write_text(motion.generate("modelica", name="Law"))
    done = subprocess.run(["omc", str(file), "Law"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0
    assert "Error" not in done.stdout + done.stderr


# The script


def run_script(text, folder, *options):
    file = folder / "law.py"
    file.write_text(text)
    return subprocess.run(
        [sys.executable, str(file), *options], capture_output=True, text=True, cwd=folder, check=False
    )


def oscillator(dissipation=sp.S.Zero, forces=None):
    space = JetSpace(("x",))
    m, k = map(parameter_symbol, "mk")
    return Motion(
        space,
        (m * space.velocities[0] ** 2 - k * space.positions[0] ** 2) / 2,
        {"m": 1.0, "k": 9.0},
        dissipation,
        forces,
    )


def test_script_integrates_and_writes_csv(tmp_path):
    text = oscillator().generate("script", name="oscillator")
    imported = {name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Import) for name in node.names}
    assert {alias.name for alias in imported} <= {"argparse", "csv", "sys", "numpy"}
    options = ["--initial", "x_dot=3", "--set", "k=4", "--span", "1", "3", "--step", "0.5", "-o", "motion.csv"]
    done = run_script(text, tmp_path, *options)
    assert done.returncode == 0
    assert re.search(r"energy: \d\.\de-(09|1\d)$", done.stderr.strip())
    with open(tmp_path / "motion.csv", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["t", "x", "x_dot", "energy"]
    t, x, v, energy = np.array(rows, float).T
    np.testing.assert_allclose(t, [1, 1.5, 2, 2.5, 3])
    np.testing.assert_allclose(x, np.cos(2 * (t - 1)) + 1.5 * np.sin(2 * (t - 1)), atol=1e-8)
    np.testing.assert_allclose(v, 3 * np.cos(2 * (t - 1)) - 2 * np.sin(2 * (t - 1)), atol=1e-8)
    np.testing.assert_allclose(energy, 6.5)


def test_script_balances_the_energy_with_friction_force_and_time(tmp_path):
    space = JetSpace(("x",))
    (v,), t = space.velocities, space.base_symbols[0]
    driven = oscillator(0.3 * v**2, {"x": sp.cos(2 * t)})
    driven.lagrangian += sp.sin(t) * space.positions[0]
    text = driven.generate("script")
    done = run_script(text, tmp_path)
    assert done.returncode == 0
    energies = [float(line.rsplit(",", 1)[1]) for line in done.stdout.splitlines()[1:]]
    assert max(energies) - min(energies) > 1
    wrong = re.sub(r"    power = .*", "    power = 0.0", text)
    assert wrong != text
    assert run_script(wrong, tmp_path).returncode == 1


def test_script_refuses_what_it_cannot_use(tmp_path):
    text = oscillator().generate("script")
    for options in (["--initial", "y=1"], ["--set", "k=soft"], ["--span", "1", "1"], ["--set", "m=inf"]):
        done = run_script(text, tmp_path, *options)
        assert done.returncode == 2, options
        assert "expect" in done.stderr
    space = JetSpace(("r",))
    falling = Motion(space, space.velocities[0] ** 2 / 2 + 1 / space.positions[0], {})
    done = run_script(falling.generate("script"), tmp_path)
    assert done.returncode == 1
    assert "singularity" in done.stderr


# Names, numbers and what is refused


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_name_carries_code(language):
    space = JetSpace(("x;system('rm')", 'y"""\nimport os\n*/'))
    (x, y), (vx, vy) = space.positions, space.velocities
    stiffness = parameter_symbol("k\\\n#=")
    text = generate(
        (vx**2 + vy**2 - stiffness * (x - y) ** 2) / 2, space, language, name="a b\nc*/", constants={stiffness: 1.0}
    )
    mark = "//" if language in ("c", "modelica") else "#"
    code = "\n".join(without_comments(text, mark))
    assert "system" not in re.sub(r"x_system_rm\w*", "", code)
    assert "import os" not in code
    for line in text.splitlines():
        assert not line.endswith("\\")
        assert line.isascii()
    assert f"{mark} x_system_rm stands for" in text
    assert "a_b_c" in text
    if language in ("numpy", "torch", "script"):
        compile(text, "generated", "exec")


def test_keywords_and_greek_names_are_changed_as_little_as_possible():
    space = JetSpace(("λ", "lambda_"))
    parameters = {parameter_symbol(name): 1.0 for name in ("for", "der", "double", "positions", "m", "α")}
    lagrangian = sum(v**2 for v in space.velocities) * sum(parameters) - sum(q**2 for q in space.positions)
    names = {}
    for language in ("numpy", "c", "julia", "modelica"):
        lines = generate(lagrangian, space, language, constants=parameters).splitlines()
        names[language] = dict(re.findall(r"(\w+) stands for '(.*)'", "\n".join(lines)))
    assert names["numpy"] == {
        "lambda_2": "\\u03bb",
        "lambda_dot": "\\u03bb_dot",
        "for_": "for",
        "positions_": "positions",
        "alpha": "\\u03b1",
    }
    assert set(names["c"]) == {"lambda", "lambda_dot", "for_", "double_", "positions_", "alpha"}
    assert set(names["julia"]) == {"lambda", "lambda_dot", "for_", "positions_", "alpha"}
    assert set(names["modelica"]) == {"time", "lambda", "lambda_dot", "for_", "der_", "alpha"}


def test_numbers_keep_every_digit():
    space = JetSpace(("x",))
    number, k = 0.1234567890123456789e-7, parameter_symbol("k")
    lagrangian = space.velocities[0] ** 2 / 2 - number * space.positions[0] - k * space.positions[0] ** 2
    for language in LANGUAGES:
        text = generate(lagrangian, space, language, constants={k: 2 / 3})
        code = "\n".join(without_comments(text, "//" if language in ("c", "modelica") else "#"))
        assert repr(number) in code
        assert repr(2 / 3) in code


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_has_no_accelerations_is_refused(language):
    space, field = JetSpace(("x", "y")), JetSpace(("phi",), ("t", "x"))
    vx, vy = space.velocities
    k = parameter_symbol("k")
    refused = [
        ("expected a particle", field.symbol(0, (0,)) ** 2, field, {}),
        ("no value for k", k * vx**2 + vy**2, space, {}),
        ("no value for x_ddot", space.accelerations[0] ** 2, space, {}),
        ("singular", (vx + vy) ** 2, space, {}),
        ("finite number", k * vx**2 + vy**2, space, {"constants": {k: math.nan}}),
        ("neither time nor coordinates", vx**2 + vy**2, space, {"constants": {vx: 1.0}}),
        ("gamma", vx**2 + vy**2 - sp.gamma(space.positions[0]), space, {}),
        ("forces by the coordinates x, y", vx**2 + vy**2, space, {"forces": {"z": sp.S.One}}),
    ]
    for message, lagrangian, where, options in refused:
        with pytest.raises(InputError, match=message):
            generate(lagrangian, where, language, **options)


def test_an_unknown_language_is_refused():
    space = JetSpace(("x",))
    with pytest.raises(InputError, match="expected one of the languages numpy, torch, c, julia, modelica, script"):
        generate(space.velocities[0] ** 2, space, "cobol")
