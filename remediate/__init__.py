"""How to put it right: a remedy per check turns a cause into steps, as data.  One module per chapter."""
