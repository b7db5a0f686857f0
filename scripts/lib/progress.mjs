const isTerminal = process.stderr.isTTY === true && process.env.CI === undefined;
const colours = isTerminal && process.env.NO_COLOR === undefined;
const paint = (code) => (text) => (colours ? `\x1b[${code}m${text}\x1b[0m` : text);

export const green = paint(32);
export const red = paint(31);
export const grey = paint(90);
export const bold = paint(1);

/** Progress goes to stderr: stdout belongs to what a program may read. */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

const seconds = (since) => `${((Date.now() - since) / 1000).toFixed(1)} s`;

/**
 * Runs one named step and shows how long it takes. `action` returns a note for the person who
 * watches ('up to date'), or nothing. An error's `output` is shown before it is thrown on.
 */
export async function step(name, action) {
  const begun = Date.now();
  const draw = () => process.stderr.write(`\r${grey('…')} ${name}  ${grey(seconds(begun))} `);
  const clear = () => isTerminal && process.stderr.write('\r\x1b[2K');
  if (isTerminal) draw();
  else say(`… ${name}`);
  const ticker = isTerminal ? setInterval(draw, 500) : undefined;
  try {
    const note = await action();
    clear();
    say(`${green('✔')} ${name}  ${grey(seconds(begun))}${note ? grey(`  ${note}`) : ''}`);
  } catch (error) {
    clear();
    say(`${red('✘')} ${name}  ${grey(seconds(begun))}`);
    if (error.output) say(error.output.trimEnd());
    throw error;
  } finally {
    clearInterval(ticker);
  }
}
