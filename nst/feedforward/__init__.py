"""One pass from photograph to painting: the network, its stroke field, styles as vectors, any painting, learning
one."""
