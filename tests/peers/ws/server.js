// A server of the npm package ws. What it does with a connection is in the URL's path; numbers are in its query.
//
//   /echo                      sends back what comes, text as text and binary as binary
//   /fragments?parts=3         the same, in so many fragments
//   /text-and-binary?count=2   sends "text N" and the bytes of "binary N" by turns, so many of each
//   /big?bytes=N&kind=binary   sends one message of N bytes `x`; text unless `kind=binary`
//   /flood?count=N&bytes=10    sends N messages at once, each `N` followed by a space and filled up with `x`
//   /ping-flood?count=100      sends so many pings, then "pings sent"
//   /never-pong                echoes, but answers no ping
//   /silent                    sends nothing and reads everything
//   /hang-at-close             stops reading once it is open: a close frame is never answered
//   /close?code=1000&reason=R&after=MS   closes after so many milliseconds (0); without `code` the frame is empty
//   /terminate?after=MS        drops the connection without a close frame
//   /subprotocol?pick=NAME     takes the first subprotocol offered, or NAME whether offered or not; sends what it took
//   /headers                   sends the upgrade request's header fields as a JSON object
//   /cookie?set=NAME%3DVALUE   sets a cookie in its answer to the upgrade, then does as /headers
//   /slow?ms=1000              answers the upgrade so much later, then echoes
//   /refuse?status=403&body=B  answers the upgrade with this status and body
//   /redirect?to=URL&status=302   answers with a redirect
//
// Prints `listening on PORT`, then a JSON object a line: {"event": "open", path} and {"event": "close", path, code, reason,
// messages, pings, pongs}, the last three being what it received.
"use strict";

const http = require("node:http");
const { WebSocketServer } = require("ws");

const options = {
  noServer: true,
  maxPayload: 64 * 1024 * 1024,
  // Called only if the client offered some.
  handleProtocols: (offered, request) => numbersOf(request).get("pick") || offered.values().next().value,
};
const polite = new WebSocketServer(options);
const impolite = new WebSocketServer({ ...options, autoPong: false });

const echo = (socket) => socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));

const behaviours = {
  "/echo": echo,
  "/never-pong": echo,
  "/slow": echo,
  "/silent": () => {},
  "/fragments": (socket, numbers) => {
    const parts = number(numbers, "parts", 3);
    socket.on("message", (data, isBinary) => {
      const size = Math.ceil(data.length / parts);
      for (let part = 0; part < parts; part += 1) {
        const piece = data.subarray(part * size, (part + 1) * size);
        socket.send(piece, { binary: isBinary, fin: part === parts - 1 });
      }
    });
  },
  "/text-and-binary": (socket, numbers) => {
    for (let index = 0; index < number(numbers, "count", 2); index += 1) {
      socket.send(`text ${index}`);
      socket.send(Buffer.from(`binary ${index}`));
    }
  },
  "/big": (socket, numbers) => {
    const data = Buffer.alloc(number(numbers, "bytes", 1024), "x");
    socket.send(data, { binary: numbers.get("kind") === "binary" });
  },
  "/flood": (socket, numbers) => {
    const bytes = number(numbers, "bytes", 10);
    for (let index = 0; index < number(numbers, "count", 1000); index += 1) {
      socket.send(`${index} `.padEnd(bytes, "x"));
    }
  },
  "/ping-flood": (socket, numbers) => {
    for (let index = 0; index < number(numbers, "count", 100); index += 1) {
      socket.ping(`ping ${index}`);
    }
    socket.send("pings sent");
  },
  "/hang-at-close": (socket) => socket.pause(),
  "/close": (socket, numbers) => {
    const code = numbers.has("code") ? number(numbers, "code") : undefined;
    setTimeout(() => socket.close(code, numbers.get("reason") || undefined), number(numbers, "after", 0));
  },
  "/terminate": (socket, numbers) => setTimeout(() => socket.terminate(), number(numbers, "after", 0)),
  "/subprotocol": (socket) => socket.send(socket.protocol),
  "/headers": (socket, _numbers, request) => socket.send(JSON.stringify(request.headers)),
  "/cookie": (socket, _numbers, request) => socket.send(JSON.stringify(request.headers)),
};

polite.on("headers", (headers, request) => {
  const cookie = numbersOf(request).get("set");
  if (cookie) headers.push(`Set-Cookie: ${cookie}; Path=/`);
});

const server = http.createServer((_request, response) => response.writeHead(426).end("only WebSocket here\n"));

server.on("upgrade", (request, stream, head) => {
  stream.on("error", () => {}); // a client that goes away during the upgrade
  const path = new URL(request.url, "http://here").pathname;
  const numbers = numbersOf(request);
  if (path === "/refuse") return answer(stream, number(numbers, "status", 403), [], numbers.get("body") || "");
  if (path === "/redirect") {
    return answer(stream, number(numbers, "status", 302), [`Location: ${numbers.get("to")}`], "");
  }
  const behaviour = behaviours[path];
  if (!behaviour) return answer(stream, 404, [], `no ${path} here`);
  const sockets = path === "/never-pong" ? impolite : polite;
  const upgrade = () =>
    sockets.handleUpgrade(request, stream, head, (socket) => {
      note(socket, path);
      behaviour(socket, numbers, request);
    });
  if (path === "/slow") setTimeout(upgrade, number(numbers, "ms", 1000));
  else upgrade();
});

/** The query of a request. */
function numbersOf(request) {
  return new URL(request.url, "http://here").searchParams;
}

/** A number of the query. */
function number(numbers, name, otherwise) {
  return numbers.has(name) ? Number(numbers.get(name)) : otherwise;
}

/** Answer an upgrade request in plain HTTP. */
function answer(stream, status, headers, body) {
  const length = Buffer.byteLength(body);
  const lines = [
    `HTTP/1.1 ${status} ${http.STATUS_CODES[status] || "Some Status"}`,
    "Connection: close",
    "Content-Type: text/plain",
    `Content-Length: ${length}`,
    ...headers,
  ];
  stream.end(`${lines.join("\r\n")}\r\n\r\n${body}`);
}

/** Print when the connection opens and ends, and count what it receives. */
function note(socket, path) {
  const received = { messages: 0, pings: 0, pongs: 0 };
  print({ event: "open", path });
  socket.on("message", () => (received.messages += 1));
  socket.on("ping", () => (received.pings += 1));
  socket.on("pong", () => (received.pongs += 1));
  socket.on("error", (error) => print({ event: "error", path, code: error.code, message: error.message }));
  socket.on("close", (code, reason) => print({ event: "close", path, code, reason: reason.toString(), ...received }));
}

function print(line) {
  console.log(JSON.stringify(line));
}

server.listen(0, "127.0.0.1", () => console.log(`listening on ${server.address().port}`));
