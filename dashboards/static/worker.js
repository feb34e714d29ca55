// Keeps what a screen has loaded: with it the player starts and goes on while the controller or the network is away.
const KEPT = "screens-1";
const WAIT = 4000; // milliseconds for an answer before what is kept is used

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const url = new URL(event.request.url);
  if (event.request.method !== "GET" || url.origin !== location.origin) return;
  if (url.pathname.endsWith("/changes") || url.pathname.startsWith("/stream/")) return;
  if (url.pathname.startsWith("/screens/files/") || url.pathname.startsWith("/static/")) event.respondWith(forever(event.request));
  else if (url.pathname.startsWith("/screens/")) event.respondWith(fresh(event.request));
});

// A file's name is made of its content: one that is there is the right one.
async function forever(request) {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(request.url);
  if (kept) return request.headers.has("range") ? part(kept, request.headers.get("range")) : kept;
  if (request.headers.has("range")) return fetch(request);
  const answer = await fetch(request);
  if (answer.status === 200) await cache.put(request.url, answer.clone());
  return answer;
}

async function part(whole, range) {
  const blob = await whole.blob();
  const [, from, to] = /bytes=(\d+)-(\d*)/.exec(range) ?? [null, "0", ""];
  const start = Number(from);
  const end = to ? Math.min(Number(to), blob.size - 1) : blob.size - 1;
  const headers = { "Content-Range": `bytes ${start}-${end}/${blob.size}`, "Content-Length": String(end - start + 1), "Content-Type": whole.headers.get("Content-Type") ?? "" };
  return new Response(blob.slice(start, end + 1), { status: 206, headers });
}

async function fresh(request) {
  const cache = await caches.open(KEPT);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(WAIT) });
    if (answer.ok) await cache.put(request.url, answer.clone());
    if (answer.status < 500) return answer;
  } catch {
    // Away: what is kept is shown.
  }
  const kept = await cache.match(request.url);
  if (!kept) return Response.error();
  const headers = new Headers(kept.headers);
  headers.set("X-Kept", "yes");
  return new Response(await kept.blob(), { status: 200, headers });
}
