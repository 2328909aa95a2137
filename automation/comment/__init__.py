"""Posts the report of a change as a comment on a pull or merge request [O2]."""
