"""``python -m nst.benchmark`` (see ``speed.py``)."""

from nst.benchmark.speed import main

if __name__ == "__main__":
    main()
