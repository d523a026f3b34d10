from . import mechanics as mechanics
from . import neural as neural
from . import statics as statics
from . import systems as systems
from .data.tables import Columns as Columns
from .data.tables import read_arrays as read_arrays
from .data.tables import read_frame as read_frame
from .data.tables import read_table as read_table
from .data.trajectories import Trajectories as Trajectories
from .discovery import Discovery as Discovery
from .discovery import DiscoveryOptions as DiscoveryOptions
from .discovery import discover as discover
from .discovery.own_network import Distillation as Distillation
from .discovery.own_network import DistillationOptions as DistillationOptions
from .discovery.own_network import distill as distill
from .distillation.choice import ChoiceOptions as ChoiceOptions
from .law import Law as Law
<<<<<<< HEAD
from .law.file import read_law as read_law
from .law.file import write_law as write_law
=======
from .law_file import read_law as read_law
from .law_file import write_law as write_law
from .least_action import ActionPath as ActionPath
from .least_action import PathOptions as PathOptions
from .least_action import least_action as least_action
>>>>>>> wt-statics
from .mechanics.equivalence.gauge import compare as compare
from .mechanics.equivalence.verdict import Verdict as Verdict
from .mechanics.system import System as System
from .reporting import write_report as write_report
from .simulation import simulate as simulate
from .validation import validate as validate
from .verification import verify_law as verify_law
