module github.com/osrg/gobgp/v4

go 1.26.0

require github.com/google/uuid v1.6.0
