// Hold to talk: what the microphone hears, until it is released.
const SHORTEST_MS = 600;

export class Recorder {
  // Resolves when the microphone listens; rejects without one.
  async start() {
    this.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    this.parts = [];
    this.began = performance.now();
    this.machine = new MediaRecorder(this.stream);
    this.machine.ondataavailable = (event) => this.parts.push(event.data);
    this.machine.start();
  }

  // The recording, or null when it was too short.
  async stop() {
    const long = performance.now() - this.began >= SHORTEST_MS;
    await new Promise((done) => { this.machine.onstop = done; this.machine.stop(); });
    for (const track of this.stream.getTracks()) track.stop();
    return long ? new Blob(this.parts, { type: this.machine.mimeType }) : null;
  }
}
