"""``nst/page/stream.js``: the page hears of every event, also of one that joins the queue while the stream ends."""

import pytest
from browser import browser, chromium

from nst.page import STREAM

pytestmark = pytest.mark.skipif(chromium() is None, reason="there is no Chromium here; set CHROMIUM to its path")

# A server whose answers the test gives, and a client that reads like Gradio's: it opens a stream unless it thinks that
# one is open, and closes it, by aborting, when it is told that it ended.
STAGE = """
window.connections = [];
window.heard = [];
window.open = false;
window.fetch = async (resource, options) => {
  const url = resource instanceof Request ? resource.url : String(resource);
  if (url.includes("queue/join")) return Response.json({ event_id: new URL(url).searchParams.get("id") });
  let controller;
  const body = new ReadableStream({ start: (made) => (controller = made) });
  const say = (...messages) => {
    const lines = messages.map((message) => `data: ${JSON.stringify(message)}\\n\\n`).join("");
    controller.enqueue(new TextEncoder().encode(lines));
  };
  const raw = (bytes) => controller.enqueue(bytes), fail = () => controller.error(new TypeError("network"));
  connections.push({ say, raw, fail });
  return new Response(body);
};
"""
CLIENT = """
window.listen = async () => {
  window.open = true;
  const stop = new AbortController();
  try {
    const response = await fetch(new Request("http://app/queue/data?session_hash=x", { signal: stop.signal }));
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; ;) {
      const { value } = await reader.read();
      const parts = (text + value).split("\\n\\n");
      text = parts.pop();
      for (const part of parts) {
        const message = JSON.parse(part.slice(5));
        heard.push(message.msg + " " + (message.event_id ?? ""));
        if (message.msg === "close_stream") {
          window.open = false;
          return stop.abort();
        }
      }
    }
  } catch (error) {
    heard.push("broken");
  }
};
window.join = async (id) => {
  await (await fetch("http://app/queue/join?id=" + id, { method: "POST" })).json();
  if (!window.open) listen();
};
window.done = (id) => ({ msg: "process_completed", event_id: id });
window.over = { msg: "close_stream" };
window.settled = async (number) => {
  while (connections.length < number) await new Promise((resolve) => setTimeout(resolve));
  return connections[number - 1];
};
window.hears = async (word) => {
  while (!heard.includes(word)) await new Promise((resolve) => setTimeout(resolve));
};
"""


@pytest.fixture(scope="module")
def blank():
    with browser() as running:
        page = running.new_page()
        yield page
        page.close()


@pytest.fixture
def stage(blank):
    """A page with the script between the client and the server."""
    blank.goto("about:blank")
    blank.evaluate(f"() => {{ {STAGE}; {STREAM.read_text('utf-8')}; {CLIENT} }}")
    return blank


def test_an_event_that_joins_while_the_stream_ends_is_heard_of(stage):
    heard = stage.evaluate("""async () => {
      await join("a");
      const first = await settled(1);
      await join("b");  // the server has already decided to end the stream
      first.say(done("a"), over);
      const second = await settled(2);
      second.say({ msg: "process_generating", event_id: "b" }, done("b"), over);
      await hears("close_stream ");
      return heard;
    }""")
    assert heard == ["process_completed a", "process_generating b", "process_completed b", "close_stream "]


def test_without_the_script_it_is_not(blank):
    """What the script is for: as soon as this fails, Gradio's client is no longer imitated rightly."""
    blank.goto("about:blank")
    blank.evaluate(f"() => {{ {STAGE}; {CLIENT} }}")
    connections, heard = blank.evaluate("""async () => {
      await join("a");
      const first = await settled(1);
      await join("b");
      first.say(done("a"), over);
      await hears("close_stream ");
      return [connections.length, heard];
    }""")
    assert (connections, heard) == (1, ["process_completed a", "close_stream "])


def test_an_event_that_joins_after_the_end_opens_a_stream_of_its_own(stage):
    connections, heard = stage.evaluate("""async () => {
      await join("a");
      (await settled(1)).say(done("a"), over);
      await hears("close_stream ");
      await join("b");
      (await settled(2)).say(done("b"));
      await hears("process_completed b");
      return [connections.length, heard];
    }""")
    assert (connections, heard) == (2, ["process_completed a", "close_stream ", "process_completed b"])


def test_a_stream_that_ended_is_closed_and_says_so_once(stage):
    """Read by hand, on and on: the client stops at the first word of an end."""
    found = stage.evaluate("""async () => {
      const response = await fetch(new Request("http://app/queue/data?session_hash=x"));
      connections[0].say(over);
      const text = await response.text();
      return text;
    }""")
    assert found == 'data: {"msg": "close_stream"}\n\n'


def test_what_is_completed_before_its_answer_came_holds_nothing_open(stage):
    heard = stage.evaluate("""async () => {
      await join("a");
      const first = await settled(1);
      first.say(done("b"));
      await hears("process_completed b");
      await join("b");
      first.say(done("a"), over);
      await hears("close_stream ");
      return heard;
    }""")
    assert heard == ["process_completed b", "process_completed a", "close_stream "]


def test_a_message_in_two_pieces_is_one(stage):
    heard = stage.evaluate("""async () => {
      await join("é");
      const first = await settled(1), line = 'data: {"msg": "estimation", "event_id": "é"}\\n\\n';
      const bytes = new TextEncoder().encode(line);
      first.raw(bytes.slice(0, 43));
      first.raw(bytes.slice(43));
      await hears("estimation é");
      return heard;
    }""")
    assert heard == ["estimation é"]


def test_a_stream_that_breaks_with_nothing_waiting_may_be_opened_again(stage):
    heard = stage.evaluate("""async () => {
      await join("a");
      const first = await settled(1);
      first.say(done("a"));
      await hears("process_completed a");
      first.fail();
      await hears("close_stream ");
      await join("b");
      (await settled(2)).say(done("b"));
      await hears("process_completed b");
      return heard;
    }""")
    assert heard == ["process_completed a", "close_stream ", "process_completed b"]


def test_a_stream_that_breaks_with_an_event_waiting_is_said_to_be_broken(stage):
    heard = stage.evaluate("""async () => {
      await join("a");
      (await settled(1)).fail();
      await hears("broken");
      return heard;
    }""")
    assert heard == ["broken"]
