"""Neural network definitions, one family a file. Empty until the first explainer that needs one."""
