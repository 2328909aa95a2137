"""One comment on a pull or merge request that says what a change will do [O2]."""
