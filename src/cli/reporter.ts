import type { FleetEvent } from './fleet.js';
import type { ReloadEvent } from './reloader.js';
import type { SupervisorEvent } from './supervisor.js';
import { humanTime, styleFor } from './terminal.js';

let outlives = false;

/** From now on it does not matter whether anybody reads what the command prints. */
export function outliveReaders(): void {
  outlives = true;
  process.stderr.on('error', () => {});
}

/** Whether the command goes on when nobody reads its output. */
export function outlivesReaders(): boolean {
  return outlives;
}

/** An event of a long-running command: a line of JSON on standard output, or a line for people. */
export function reportEvent(event: { readonly event: string }, json: boolean, text: string): void {
  process.stdout.write(json ? `${JSON.stringify(event)}\n` : `${text}\n`);
}

/** Says what became of a worker process, or of one of several server processes. */
export function reportProcess(event: SupervisorEvent | FleetEvent, json: boolean): void {
  const style = styleFor(process.stdout);
  if (event.event === 'process-failed') {
    reportEvent(event, json, style.red(`${event.process} could not start: ${event.message}`));
    return;
  }
  const name = 'worker' in event ? `worker ${event.worker}` : event.process;
  const who = `${name} (pid ${event.pid})`;
  if (event.event === 'worker-started' || event.event === 'process-started') {
    reportEvent(event, json, style.dim(`${who} started`));
    return;
  }
  const how = event.signal ? `was ended by ${event.signal}` : `ended with ${event.code}`;
  const text = `${who} ${how}, starts again in ${humanTime(event.restartMs)}`;
  reportEvent(event, json, style.yellow(text));
}

/** Says what became of a configuration that was read again. */
export function reportReload(event: ReloadEvent, json: boolean): void {
  const style = styleFor(process.stdout);
  if (event.event === 'reload-refused') {
    reportEvent(event, json, style.red(`the old configuration stays: ${event.message}`));
    return;
  }
  const { changed, certificates, needRestart } = event;
  const lines = [`configuration read again, changed: ${changed.join(', ') || 'nothing'}`];
  if (certificates.length > 0) lines.push(`other certificates: ${certificates.join(', ')}`);
  if (needRestart.length > 0) lines.push(`only with a restart: ${needRestart.join(', ')}`);
  reportEvent(event, json, style.yellow(lines.join('; ')));
}
