import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from './chromium.js';

export const TONE_HZ = 440;

const module = readFileSync(new URL('../../sdk/browser/upload-response.js', import.meta.url));

/** Close it. */
export const launchMediaBrowser = (): Promise<Browser> =>
  launchChromium(['--autoplay-policy=no-user-gesture-required']);

/** A page of the server at this URL with the module as `ur`, a moving picture and a tone. */
export async function openMediaPage(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(url);
  const source = `data:text/javascript;base64,${module.toString('base64')}`;
  await page.evaluate(`import('${source}').then((module) => { globalThis.ur = module; })`);
  await page.evaluate(`(() => {
    const canvas = document.createElement('canvas');
    canvas.width = 320;
    canvas.height = 240;
    const context = canvas.getContext('2d');
    let turn = 0;
    setInterval(() => {
      context.fillStyle = 'hsl(' + (turn++ % 360) + ', 80%, 50%)';
      context.fillRect(0, 0, 320, 240);
      context.fillStyle = 'white';
      context.fillRect((turn * 5) % 320, 100, 40, 40);
    }, 40);
    const audio = new AudioContext();
    const tone = audio.createOscillator();
    tone.frequency.value = ${TONE_HZ};
    const sink = audio.createMediaStreamDestination();
    tone.connect(sink);
    tone.start();
    globalThis.kept = { audio, tone, canvas };
    globalThis.picture = canvas.captureStream(25).getTracks();
    globalThis.sound = sink.stream.getTracks();
  })()`);
  return page;
}
