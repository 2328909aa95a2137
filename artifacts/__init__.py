"""The catalogue of binaries and images, their acquisition, and the mirror from which hosts fetch them."""
