"""The random numbers of a training step."""

# XLA compiles this generator to vector instructions. It takes a quarter of the time of the kernel
# that draws the numbers of Keras' dropout layer on a CPU.
GENERATOR = "threefry"
