// The player: the browser's own HLS where it has one, hls.js where not; waits for the broadcast to begin,
// and for the recording after its end. Chapters are a list of moments that can be pressed.
const player = document.querySelector(".player");
const video = player.querySelector("video");
const waits = player.querySelector(".waits");
const fault = player.querySelector(".player-fault");
const { live, recording } = player.dataset;
let engine = null;
let playing = "";

const BEHIND = 4; // segments behind the newest: a runner that is stopped and replaced costs three
const SLOWER = 0.95, FASTER = 1.05;
// A server that does not answer is asked again and again: what is buffered lasts until it is back. By itself
// hls.js does not ask twice when nobody is there, as if another site had refused it.
const ASKING = {
  maxNumRetry: 60, retryDelayMs: 250, maxRetryDelayMs: 1000,
  shouldRetry: (how, times, _late, answer, usual) => usual || (answer?.code === 0 && times < how.maxNumRetry),
};
const patient = ({ default: usual }) => ({
  default: { ...usual, maxTimeToFirstByteMs: 4000, errorRetry: ASKING, timeoutRetry: ASKING },
});

function say(text) {
  fault.textContent = text ?? "";
  fault.hidden = !text;
}

function library() {
  return new Promise((resolve, reject) => {
    if (window.Hls) return resolve(window.Hls);
    const script = document.createElement("script");
    script.src = player.dataset.hls;
    script.onload = () => resolve(window.Hls);
    script.onerror = reject;
    document.head.append(script);
  });
}

async function play(address) {
  if (playing === address) return;
  playing = address;
  waits.hidden = true;
  video.hidden = false;
  engine?.destroy();
  engine = null;
  if (!address.endsWith(".m3u8")) {
    if (!video.src.endsWith(address)) video.src = address;
    return;
  }
  // hls.js first where it can: Chromium's own HLS is younger and cannot go back in a long sitting as well.
  const Hls = await library().catch(() => null);
  if (Hls?.isSupported()) {
    const { manifestLoadPolicy, playlistLoadPolicy, fragLoadPolicy } = Hls.DefaultConfig;
    engine = new Hls({
      liveSyncDurationCount: BEHIND, backBufferLength: 120, enableWorker: true,
      manifestLoadPolicy: patient(manifestLoadPolicy),
      playlistLoadPolicy: patient(playlistLoadPolicy),
      fragLoadPolicy: patient(fragLoadPolicy),
    });
    engine.on(Hls.Events.ERROR, (_event, data) => {
      if (!data.fatal) return;
      say(fault.dataset.interrupted);
      const again = playing;
      engine.destroy();
      engine = null;
      playing = "";
      setTimeout(() => on && play(again), 2000);
    });
    engine.on(Hls.Events.FRAG_BUFFERED, () => say(""));
    engine.loadSource(address);
    engine.attachMedia(video);
  } else if (video.canPlayType("application/vnd.apple.mpegurl")) {
    video.src = address;
    video.addEventListener("playing", () => say(""));
  } else {
    return say(fault.dataset.unplayable);
  }
  // Sound is not started on anybody: browsers refuse it, and a waiting room does not want it.
  video.muted = true;
  video.play().catch(() => {});
}

// What was lost at the source brought viewers nearer to the newest segment, what they lost farther from it: a
// little slower or faster, which nobody hears, they get their distance back. A speed that the viewer chose stays,
// and so does whoever went back in time.
setInterval(() => {
  if (!engine || video.paused || ![1, SLOWER, FASTER].includes(video.playbackRate)) return;
  const near = engine.targetLatency - engine.latency;
  const back = near < -60;
  if (near > 1) video.playbackRate = SLOWER;
  else if (near < -2 && !back) video.playbackRate = FASTER;
  else if (back || (near <= 0) === (video.playbackRate < 1)) video.playbackRate = 1;
}, 1000);

let on = player.dataset.air === "yes";
function look() {
  const part = document.querySelector("[data-state]");
  if (!part) return;
  on = part.dataset.air === "yes";
  if (on && live) play(live);
  else if (part.dataset.recorded === "yes" && !recording) recorded();
}

// What is buffered plays to its end; then the page comes again with the recording, not everybody's at once.
function recorded() {
  if (playing && !video.paused && !video.ended) return;
  recorded.waits ??= setTimeout(() => location.reload(), Math.random() * 3000);
}
for (const end of ["pause", "ended"]) video.addEventListener(end, look);

if (recording) play(recording);
else if (on) play(live);
if (document.body.dataset.stream) import("./live.js").catch(() => {}).then((page) => page?.changed.addEventListener("parts", look));

// --- chapters -----------------------------------------------------------------------------------------------

const list = document.querySelector("[data-chapters]");
const clock = (seconds) => new Date(seconds * 1000).toISOString().slice(11, 19);

async function chapters() {
  const answer = await fetch(player.dataset.chaptersFile);
  const found = [];
  for (const block of (await answer.text()).split(/\r?\n\r?\n/)) {
    const match = block.match(/(?:(\d+):)?(\d+):(\d+)\.\d+\s+-->[^\n]*\n([\s\S]+)/);
    if (match) found.push({ at: Number(match[1] ?? 0) * 3600 + Number(match[2]) * 60 + Number(match[3]), title: match[4].trim() });
  }
  list.replaceChildren(
    ...found.map(({ at, title }) => {
      const line = document.createElement("li");
      const link = document.createElement("a");
      link.href = `#t=${at}`;
      link.textContent = title;
      const time = document.createElement("span");
      time.className = "number dim";
      time.textContent = clock(at);
      line.append(time, " ", link);
      return line;
    }),
  );
}

function jump() {
  const moment = Number(location.hash.match(/^#t=(\d+)/)?.[1] ?? NaN);
  if (Number.isNaN(moment) || !recording) return;
  video.currentTime = moment;
  video.play().catch(() => {});
}
if (list && player.dataset.chaptersFile) chapters();
addEventListener("hashchange", jump);
if (video.readyState > 0) jump();
else video.addEventListener("loadedmetadata", jump, { once: true });
