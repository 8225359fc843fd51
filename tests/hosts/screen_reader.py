"""An assistive program: lists what it finds in the editor's window, and does what it is asked for.

    screen_reader.py list APPLICATION                 one line per control: role, name
    screen_reader.py press APPLICATION NAME           presses the button of that name
"""

import sys
import time

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi  # noqa: E402

PATIENCE_SECONDS = 60
SILENCE_SECONDS = 0.2


def walk(node):
    yield node
    for index in range(node.get_child_count()):
        child = node.get_child_at_index(index)
        if child is not None:
            yield from walk(child)


def controls(application):
    desktop = Atspi.get_desktop(0)
    for index in range(desktop.get_child_count()):
        found = desktop.get_child_at_index(index)
        if found is not None and found.get_name() == application:
            return [(node.get_role_name(), node.get_name() or "", node) for node in walk(found)]
    return []


def wait_for(what):
    """The first answer of `what` that is not empty; trees come in parts."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        try:
            found = what()
        except gi.repository.GLib.GError:
            found = None
        if found:
            return found
        time.sleep(SILENCE_SECONDS)
    sys.exit("the editor shows no such control")


def main(word, application, name=None):
    if word == "list":
        for role, label, _ in wait_for(lambda: len(all_ := controls(application)) > 3 and all_):
            print(role, label, sep="\t")
        return
    node = wait_for(lambda: [node for _, label, node in controls(application) if label == name])[0]
    if not node.do_action(0):
        sys.exit(f"{name} cannot be pressed")


main(*sys.argv[1:])
