"""Prints the number of generated cases."""


def pytest_terminal_summary(terminalreporter):
    generated = sum(
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "generated" and report.when == "call"
    )
    terminalreporter.write_line(f"{generated} cases were generated.")
