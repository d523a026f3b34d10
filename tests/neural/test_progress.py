import io

from rich.console import Console

from lagsym.neural import FitProgress, progress_bar


def draw(*, terminal):
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=terminal)
    with progress_bar("learning", console=console) as show:
        show(FitProgress(5, 10, 0.1, 0.25))
    return stream.getvalue()


def test_a_bar_in_a_terminal_and_nothing_elsewhere():
    assert "learning" in draw(terminal=True)
    assert "2.5e-01" in draw(terminal=True)
    assert not draw(terminal=False).strip()
