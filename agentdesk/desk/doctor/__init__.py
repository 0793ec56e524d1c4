"""What is wrong with this desk, in sentences, each with its cure; one module a subject, one function a check."""
