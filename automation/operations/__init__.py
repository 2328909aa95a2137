"""What is asked of and done to a cluster that runs, by SSH and by the state: no run of the program."""
