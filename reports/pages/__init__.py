"""The pages that are sent and kept: report.html, the history of the nights, the compliance page and its signature."""
