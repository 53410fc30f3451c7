"""HTTP in a kernel without sockets: what a client writes to one is sent by the kernel's host, and its answer is read.

`lite_env_bridge` is the host; each family of kernels brings a module of that name,
with the functions of `lite_env_bridge.pyi`.
"""
