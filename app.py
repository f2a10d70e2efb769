"""Paint photographs in the browser: ``python app.py``, then open the address it prints."""

from nst.page import LAUNCH, build

demo = build()

if __name__ == "__main__":
    demo.launch(**LAUNCH)
