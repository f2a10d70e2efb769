"""Which part of a picture is which."""
