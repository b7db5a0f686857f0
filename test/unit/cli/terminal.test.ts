import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { publicPath } from '../../../src/admission/index.js';
import { ProgressBar } from '../../../src/cli/progress-bar.js';
import {
  clip,
  clipMiddle,
  humanTime,
  printable,
  styleFor,
  table,
} from '../../../src/cli/terminal.js';

const plain = styleFor({ isTTY: false }, {});

describe('styleFor', () => {
  it('colours on a terminal only, and not against NO_COLOR', () => {
    assert.equal(styleFor({ isTTY: true }, {}).red('x'), '\u001b[31mx\u001b[39m');
    assert.equal(styleFor({ isTTY: true }, { NO_COLOR: '1' }).red('x'), 'x');
    assert.equal(styleFor({ isTTY: true }, { TERM: 'dumb' }).red('x'), 'x');
    assert.equal(styleFor({}, {}).red('x'), 'x');
    assert.equal(styleFor({}, { FORCE_COLOR: '1' }).bold('x'), '\u001b[1mx\u001b[22m');
  });
});

describe('table', () => {
  it('aligns columns by what can be seen of their cells', () => {
    const colour = styleFor({ isTTY: true }, {});
    const lines = table(
      [{ title: 'N', right: true }, { title: 'NAME' }, { title: 'X' }],
      [
        ['1', colour.green('ab'), 'x'],
        ['22', 'abcdef', 'y'],
      ],
      plain,
    );
    assert.deepEqual(lines, [' N  NAME    X', ` 1  ${colour.green('ab')}      x`, '22  abcdef  y']);
  });

  it('leaves out what can be spared where there is no room for all', () => {
    const columns = [
      { title: 'NAME' },
      { title: 'PID', right: true, spare: 2 },
      { title: 'LAG', right: true, spare: 1 },
    ];
    const rows = [['worker', '12345', '7']];
    const at = (width: number) => table(columns, rows, plain, width)[1];
    assert.deepEqual([80, 18, 17, 11, 10, 1].map(at), [
      'worker  12345    7',
      'worker  12345    7',
      'worker    7',
      'worker    7',
      'worker',
      'worker',
    ]);
  });
});

describe('text', () => {
  it('shows times', () => {
    assert.deepEqual([0, 850, 4200, 187_000, 7_509_000, Number.POSITIVE_INFINITY].map(humanTime), [
      '0 ms',
      '850 ms',
      '4.2 s',
      '3:07',
      '2:05:09',
      '-',
    ]);
  });

  it('lets no foreign text drive the terminal', () => {
    assert.equal(printable('a\u001b[2Jb\u009b\u202e\n'), 'a\\x1b[2Jb\\x9b\\u{202e}\\x0a');
    assert.equal(clip('abcdef', 4), 'abc…');
    assert.deepEqual(
      [6, 5, 4].map((width) => clipMiddle('abcdef', width)),
      ['abcdef', 'ab…ef', 'ab…f'],
    );
  });

  it('shows no query and no stream key', () => {
    assert.equal(publicPath('http1', '/upload/a?token=1'), '/upload/a?…');
    assert.equal(publicPath('http1', '/upload'), '/upload');
    assert.equal(publicPath('rtmp', '/rtmp/live/secret-key'), '/rtmp/…');
  });
});

describe('ProgressBar', () => {
  it('shows percent, amount and time left when the size is known', () => {
    const bar = new ProgressBar({ write: () => true }, 2000, plain);
    bar.count(500);
    const line = bar.line(performance.now() + 1000);
    assert.match(line, /^ 25% \[====> {13}\] 500 B of 2\.0 kB {2}\d+ B\/s {2}\d.* left$/);
  });

  it('shows what it knows without a size, and an empty file as done', () => {
    const open = new ProgressBar({ write: () => true }, undefined, plain);
    open.count(1500);
    assert.match(open.line(performance.now() + 1000), /^1\.5 kB {2}\d.*\/s$/);
    assert.match(new ProgressBar({ write: () => true }, 0, plain).line(1e9), /^100% \[={18}\]/);
  });

  it('draws on a terminal only and takes itself off', () => {
    const written: string[] = [];
    const output = { isTTY: true, columns: 40, write: (text: string) => written.push(text) };
    const bar = new ProgressBar(output, 100, plain);
    bar.add(50);
    bar.clear();
    assert.ok((written[0] as string).startsWith('\r\u001b[K 50% ['));
    assert.ok((written[0] as string).length < 40 + 6);
    assert.equal(written[1], '\r\u001b[K');
    const silent: string[] = [];
    const file = new ProgressBar({ write: (text: string) => silent.push(text) }, 100, plain);
    file.add(50);
    file.clear();
    assert.deepEqual(silent, []);
    assert.equal(file.bytes, 50);
  });
});
