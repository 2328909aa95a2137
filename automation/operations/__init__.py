"""Operations on a running cluster, by SSH and from the state, without a run of the Pulumi program."""
