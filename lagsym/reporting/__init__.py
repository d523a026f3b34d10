"""What a person sees: LaTeX, HTML, pictures and the summary in the terminal."""

from lagsym.reporting.error_map import read_error_map
from lagsym.reporting.folder import check_folder, result_folder
from lagsym.reporting.report import read_validation, refresh_report, report_files, write_files, write_report
from lagsym.reporting.summary import law_text
from lagsym.reporting.unfinished import unfinished_folder

__all__ = [
    "check_folder",
    "law_text",
    "read_error_map",
    "read_validation",
    "refresh_report",
    "report_files",
    "result_folder",
    "unfinished_folder",
    "write_files",
    "write_report",
]
