// Keeps the page's stream of messages open while an event is waiting for its own.
//
// Gradio's server (6.31) ends the stream, one for all events of a page, when none is pending. Its client opens another
// one for the next event, unless it believes that the old one is open. An event that joins the queue while the end is
// on its way to the page is therefore never heard of, until the visitor does something else. Here such an end is held
// back, and what the server has to say next is read from a new connection, as if the stream had gone on.
(() => {
  const fetched = window.fetch;
  const waiting = new Set(); // events that joined, and have not been completed
  const early = new Set(); // events that were completed before the page knew that they had joined
  let ending = null; // settles when the client has understood that its stream ended

  const join = async (resource, options) => {
    const response = await fetched(resource, options);
    const { event_id: id } = response.ok ? await response.clone().json() : {};
    while (ending) await ending;
    if (id && !early.delete(id)) waiting.add(id);
    return response;
  };

  const note = (message) => {
    if (message.msg === "process_completed" && !waiting.delete(message.event_id)) early.add(message.event_id);
  };

  const stream = async (request) => {
    const response = await fetched(request.clone());
    if (!response.ok || !response.body) return response;
    const encoder = new TextEncoder();
    let reader, text, decoder;
    const read = (body) => ([reader, text, decoder] = [body.getReader(), "", new TextDecoder()]);
    read(response.body);

    const end = (controller) => {
      ending = new Promise((resolve) => {
        request.signal.addEventListener("abort", resolve, { once: true });
        setTimeout(resolve, 1000); // should another version of the client not abort
      }).then(() => (ending = null));
      controller.enqueue(encoder.encode('data: {"msg": "close_stream"}\n\n'));
      controller.close();
      reader.cancel();
    };
    // Takes the next messages; returns whether any were passed on, or the stream has ended.
    const pull = async (controller) => {
      const { done, value } = await reader.read();
      if (done) throw new Error("The stream of messages ended without saying so.");
      const parts = (text + decoder.decode(value, { stream: true })).split("\n\n");
      text = parts.pop();
      let passed = false;
      for (const part of parts) {
        const message = part.startsWith("data:") ? JSON.parse(part.slice("data:".length)) : {};
        if (message.msg !== "close_stream") {
          note(message);
          controller.enqueue(encoder.encode(`${part}\n\n`));
          passed = true;
        } else if (waiting.size) {
          const next = await fetched(request.clone());
          if (!next.ok || !next.body) throw new Error("The stream of messages cannot be opened again.");
          read(next.body);
          return passed;
        } else {
          end(controller);
          return true;
        }
      }
      return passed;
    };

    const body = new ReadableStream({
      async pull(controller) {
        try {
          while (!(await pull(controller)));
        } catch (error) {
          if (!waiting.size && !request.signal.aborted) return end(controller); // nothing is lost
          waiting.clear();
          controller.error(error);
        }
      },
      cancel: (reason) => reader.cancel(reason),
    });
    return new Response(body, { status: response.status, headers: response.headers });
  };

  window.fetch = (resource, options) => {
    const url = resource instanceof Request ? resource.url : String(resource);
    if (/\/queue\/join(\?|$)/.test(url)) return join(resource, options);
    if (/\/queue\/data\?/.test(url)) return stream(resource instanceof Request && !options ? resource : new Request(resource, options));
    return fetched(resource, options);
  };
})();
