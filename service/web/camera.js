// The viewfinder: takes a frame of the camera as a file. Phones use their camera app instead.

import { byId } from "./dom.js";
import { t } from "./texts.js";

const wanted = (facing) => ({
  video: { facingMode: facing, width: { ideal: 1920 }, height: { ideal: 1440 } },
  audio: false,
});

/** Return true if this device has a camera that a page may open. */
export async function hasCamera() {
  if (!navigator.mediaDevices?.getUserMedia) return false;
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  return devices.some((device) => device.kind === "videoinput");
}

export class Viewfinder {
  #dialog = byId("viewfinder");
  #video = byId("video");
  #words = byId("viewfinder-words");
  #shutter = byId("shutter");
  #flip = byId("flip");
  #stream = null;
  #facing = "environment";
  #turn = 0; // number of the newest start; a camera that opens for an older one is closed
  #onPhoto;

  constructor(onPhoto) {
    this.#onPhoto = onPhoto;
    this.#shutter.addEventListener("click", () => this.#shoot());
    this.#flip.addEventListener("click", () => {
      this.#facing = this.#facing === "user" ? "environment" : "user";
      this.#start();
    });
    byId("stop-camera").addEventListener("click", () => this.#dialog.close());
    this.#dialog.addEventListener("close", () => this.#stop());
  }

  open() {
    this.#dialog.showModal();
    this.#start();
  }

  async #start() {
    this.#stop();
    const turn = this.#turn;
    this.#words.textContent = t("camera.wait");
    try {
      const stream = await navigator.mediaDevices.getUserMedia(wanted(this.#facing));
      if (turn !== this.#turn) {
        for (const track of stream.getTracks()) track.stop();
        return;
      }
      this.#stream = stream;
      this.#video.srcObject = stream;
      await this.#video.play();
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#words.textContent =
        error.name === "NotAllowedError"
          ? t("camera.refused")
          : t("camera.broken");
      return;
    }
    if (turn !== this.#turn) return;
    this.#words.textContent = "";
    this.#shutter.disabled = false;
    this.#shutter.focus();
    const devices = await navigator.mediaDevices.enumerateDevices();
    this.#flip.hidden = devices.filter((device) => device.kind === "videoinput").length < 2;
  }

  #stop() {
    this.#turn += 1;
    this.#shutter.disabled = true;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.#video.srcObject = null;
  }

  #shoot() {
    const canvas = document.createElement("canvas");
    canvas.width = this.#video.videoWidth;
    canvas.height = this.#video.videoHeight;
    canvas.getContext("2d").drawImage(this.#video, 0, 0);
    canvas.toBlob(
      (blob) => {
        this.#dialog.close();
        if (blob) this.#onPhoto(new File([blob], "camera.jpg", { type: "image/jpeg" }));
      },
      "image/jpeg",
      0.92,
    );
  }
}
