"""Options of the laboratory's commands to function calls."""
