"""Tells how many cases were drawn."""


def pytest_terminal_summary(terminalreporter):
    drawn = sum(
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "drawn" and report.when == "call"
    )
    terminalreporter.write_line(f"{drawn} cases were drawn.")
