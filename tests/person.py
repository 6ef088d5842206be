"""How a person uses a page: at a desk with the keyboard alone, or on a phone with a finger.

Both find a control by its role and its name, as a screen reader does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

    from tests.page_driver import Tabs

DESK: dict[str, Any] = {"viewport": {"width": 1280, "height": 860}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "has_touch": True,
    "is_mobile": True,
}
MOST_STEPS = 150  # of the Tab key; no page has so many controls before the one that is meant

# The focused element, also within the shadow roots of components.
FOCUSED = """() => {
  let here = document.activeElement;
  while (here?.shadowRoot?.activeElement) here = here.shadowRoot.activeElement;
  return here;
}"""

# 0: focused; 1: it comes later on the page; -1: it comes earlier. Nodes of two shadow roots have no
# order, so the hosts of these are compared: the outermost that differ.
WAY = f"""(control) => {{
  const here = ({FOCUSED})();
  if (here === control) return 0;
  if (!here) return 1;
  const hosts = (node) => {{
    const inner = node.getRootNode();
    return inner instanceof ShadowRoot ? [...hosts(inner.host), node] : [node];
  }};
  const [from, to] = [hosts(here), hosts(control)];
  const at = to.findIndex((node, place) => node !== from[place]);
  if (at < 0) return -1; // the control has the focused one in its shadow root
  if (at === from.length) return 1;
  return from[at].compareDocumentPosition(to[at]) & Node.DOCUMENT_POSITION_PRECEDING ? -1 : 1;
}}"""

# Whether one can see that it is focused: by its own outline, or that of the box around it.
VISIBLY = """(control) => {
  for (let at = control; at; at = at.parentElement)
    if (at.matches(":focus, :focus-within") && getComputedStyle(at).outlineStyle !== "none")
      return true;
  return false;
}"""


class Person:
    """Uses one page, on a screen with the ``options`` of a browser context.

    ``noted`` are the errors that the page logged.
    """

    options: dict[str, Any]

    def __init__(self, page: Page) -> None:
        self.page = page
        self.noted: list[str] = []
        self.page.on("pageerror", lambda error: self.noted.append(str(error)))

    def press(self, control: Locator) -> None:
        """Activate a control."""
        raise NotImplementedError

    def write(self, field: Locator, text: str) -> None:
        """Replace the text of a field."""
        raise NotImplementedError

    def choose(self, menu: Locator, value: str) -> None:
        """Choose an option of a menu, whose list the browser draws."""
        menu.select_option(value)

    def close(self) -> None:
        """Leave; the page may not have been wider than the screen, nor have failed."""
        width = self.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert width[0] <= width[1]
        assert self.noted == []


class Typist(Person):
    """Reaches every control with the Tab key."""

    options = DESK

    def reach(self, control: Locator) -> None:
        """Move the focus to a control, forward or back; it must be seen there."""
        control.wait_for()
        for _ in range(MOST_STEPS):
            way = control.evaluate(WAY)
            if way == 0:
                assert control.evaluate(VISIBLY), f"{control} does not show its focus"
                return
            self.page.keyboard.press("Tab" if way > 0 else "Shift+Tab")
        raise AssertionError(f"{control} is not reached in {MOST_STEPS} steps")

    def press(self, control: Locator) -> None:
        """Activate a control: Enter, or Space where Enter does nothing."""
        self.reach(control)
        box = control.evaluate("e => ['checkbox', 'radio'].includes(e.type)")
        self.page.keyboard.press("Space" if box else "Enter")

    def write(self, field: Locator, text: str) -> None:
        """Replace the text of a field, key by key."""
        self.reach(field)
        self.page.keyboard.press("ControlOrMeta+A")
        self.page.keyboard.type(text)


class Finger(Person):
    """Taps; what is not on the screen is scrolled there."""

    options = PHONE

    def press(self, control: Locator) -> None:
        """Tap a control."""
        control.tap()

    def write(self, field: Locator, text: str) -> None:
        """Tap a field, and replace its text."""
        field.tap()
        field.fill(text)


@pytest.fixture(params=[Typist, Finger], ids=["desk", "phone"])
def person(request: pytest.FixtureRequest, tabs: Tabs):
    """Someone at a desk without a mouse, then someone with a phone."""
    with tabs.tab(**request.param.options) as tab:
        someone = request.param(tab.page)
        yield someone
        someone.close()
