// What can be checked of the systemd units and the Dockerfile without systemd and without an engine.

import assert from 'node:assert/strict';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configKeys, loadConfig, OTHER_VARIABLES } from '../../../src/config/index.js';
import { parseDuration } from '../../../src/config/units.js';
import { runProgram, testWith } from '../../support/program.js';
import { Events, endAll, endOf, run, start, temporaryFolder, until } from '../cli/support.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const folder = temporaryFolder();
after(async () => {
  await endAll();
  folder.remove();
});

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const units = readdirSync(join(root, 'packaging')).filter((name) => name.endsWith('.service'));
const VARIABLES = [...configKeys().map(({ env }) => env), ...Object.keys(OTHER_VARIABLES)];

/** The values of one directive of a unit. */
const values = (unit: string, name: string): string[] =>
  [...read(`packaging/${unit}`).matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(
    (match) => match[1] as string,
  );

describe('the systemd units', () => {
  for (const unit of units) {
    testWith('systemd-analyze', `${unit} is valid, and keeps the service in`, async () => {
      // The program need not be installed here.
      const text = read(`packaging/${unit}`).replace('/usr/bin/upload-response', '/bin/true');
      const path = join(folder.path, unit.replace('@.', '@x.'));
      writeFileSync(path, text);
      writeFileSync(join(folder.path, unit), text);
      const { code, stderr } = await runProgram('systemd-analyze', ['verify', path]);
      assert.deepEqual([code, stderr], [0, '']);
      const args = ['security', '--offline=true', '--threshold=25', '--no-pager', path];
      const { code: exposed, stdout } = await runProgram('systemd-analyze', args);
      assert.equal(exposed, 0, stdout.split('\n').slice(-3).join('\n'));
    });

    test(`${unit} starts what there is`, async () => {
      const [line = ''] = values(unit, 'ExecStart');
      const [program, command = '', ...args] = line.split(' ');
      assert.equal(program, '/usr/bin/upload-response');
      const { stdout } = await run([command, '--help']);
      for (const option of args.filter((one) => one.startsWith('--'))) {
        assert.ok(stdout.includes(`${option} `), option);
      }
      for (const setting of values(unit, 'Environment')) {
        assert.ok(VARIABLES.includes(setting.split('=')[0] as string), setting);
      }
      const { announceMs, drainTimeoutMs } = loadConfig({ env: {}, cwd: '/' }).config.shutdown;
      const [patience = ''] = values(unit, 'TimeoutStopSec');
      assert.ok((parseDuration(patience) as number) > announceMs + drainTimeoutMs);
    });
  }

  test('are those of the server and of workers, on one control socket', () => {
    assert.deepEqual(units.sort(), ['upload-response-worker@.service', 'upload-response.service']);
    const sockets = units.flatMap((unit) => values(unit, 'Environment'));
    assert.equal(new Set(sockets.map((one) => one.split('=')[1])).size, 1);
    assert.match(
      sockets[0] as string,
      new RegExp(`=/run/${values(units[1] as string, 'RuntimeDirectory')[0]}/`),
    );
  });
});

/** One instruction of the Dockerfile; `stage`: of which image. */
interface Instruction {
  readonly stage: number;
  readonly name: string;
  readonly text: string;
}

function instructionsOf(text: string): Instruction[] {
  let stage = -1;
  const lines = text.replace(/\\\n\s*/g, ' ').split('\n');
  return lines
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, name = '', rest = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
      if (name === 'FROM') stage++;
      return { stage, name, text: rest };
    });
}

describe('the Dockerfile', () => {
  const instructions = instructionsOf(read('packaging/Dockerfile'));
  const all = (name: string) => instructions.filter((one) => one.name === name);
  const one = (name: string): string => all(name)[0]?.text ?? '';
  const environment = Object.fromEntries(
    one('ENV')
      .split(/\s+/)
      .map((pair) => pair.split('=') as [string, string]),
  );
  const copies = all('COPY').map(({ text }) => {
    const parts = text.split(' ');
    const from = parts[0]?.startsWith('--from=') ? parts.shift()?.slice(7) : undefined;
    const target = parts.pop() as string;
    return { from, sources: parts, target };
  });

  test('has instructions that there are, and images of one Debian', () => {
    const known = ['FROM', 'RUN', 'WORKDIR', 'COPY', 'USER', 'ENV', 'EXPOSE', 'STOPSIGNAL'];
    for (const { name } of instructions) {
      assert.ok([...known, 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'].includes(name), name);
    }
    const images = all('FROM').map(({ text }) => text);
    assert.deepEqual(images, ['node:20-bookworm-slim AS build', 'node:20-bookworm-slim']);
  });

  test('copies what there is, and nothing more gets into the build', () => {
    const ignored = read('packaging/Dockerfile.dockerignore').split('\n');
    const wanted = copies.filter(({ from }) => !from).flatMap(({ sources }) => sources);
    for (const source of wanted) assert.ok(existsSync(join(root, source)), source);
    const letIn = ignored.filter((line) => line.startsWith('!')).map((line) => line.slice(1));
    assert.deepEqual(letIn.sort(), [...wanted].sort());
    assert.ok(ignored.includes('*'));
  });

  test('runs scripts that package.json has', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = all('RUN').flatMap(({ text }) =>
      [...text.matchAll(/npm run ([\w:-]+)/g)].map((match) => match[1] as string),
    );
    assert.deepEqual(named, ['build']);
    for (const name of named) assert.ok(name in scripts, name);
  });

  test('sets variables that there are; nobody gets in unless somebody says so', async () => {
    for (const name of Object.keys(environment)) assert.ok(VARIABLES.includes(name), name);
    const refused = await run(['config', 'print'], { env: environment });
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /UR_HTTP_HOST: http\.host: 0\.0\.0\.0 is no loopback address/);
    const env = { ...environment, UR_AUTH_ANONYMOUS: 'publish' };
    assert.equal((await run(['config', 'print'], { env })).code, 0);
  });

  test('what it puts into the image runs, and the health check tells', async () => {
    const image = join(folder.path, 'image');
    mkdirSync(image);
    for (const { sources, target } of copies.filter(({ from }) => from === 'build')) {
      for (const source of sources) {
        assert.ok(source.startsWith('/build/'), source);
        const built = join(root, source.slice('/build/'.length));
        const place = join(image, target === './' ? source.slice('/build/'.length) : target);
        mkdirSync(dirname(place), { recursive: true });
        // Large, and no module of ours.
        if (target === 'node_modules') symlinkSync(built, place);
        else cpSync(built, place, { recursive: true });
      }
    }
    const inImage = (path: string) => path.replace('/opt/upload-response', image);
    const [program, ...entry] = JSON.parse(one('ENTRYPOINT')) as string[];
    assert.equal(program, 'node');
    const command = [...entry, ...(JSON.parse(one('CMD')) as string[]), '--json'].map(inImage);
    const env = {
      ...environment,
      UR_AUTH_ANONYMOUS: 'publish',
      UR_HTTP_PORT: '0',
      UR_ADMIN_PORT: '0',
      UR_SEGMENT_SOCKET: join(folder.path, 'image.sock'),
      UR_SEGMENT_POOLS_UPLOADS_STREAMS: '4',
    };
    const server = start(command.slice(1), { env, main: command[0] as string });
    const events = new Events(server);
    const { admin } = (await events.next('listening')) as { admin: { port: number } };
    const [, check = '[]'] = /CMD (\[.*\])$/.exec(one('HEALTHCHECK')) ?? [];
    const [checker, ...checkArgs] = JSON.parse(check) as string[];
    assert.equal(checker, 'node');
    const healthy = async () => {
      const args = checkArgs.map((arg) =>
        arg.replace(`:${environment.UR_ADMIN_PORT}/`, `:${admin.port}/`),
      );
      return (await runProgram(process.execPath, args)).code;
    };
    assert.equal(await healthy(), 0);
    server.kill(one('STOPSIGNAL') as NodeJS.Signals);
    assert.deepEqual(await endOf(server), [0, null], events.stderr);
    await until('the check to fail', async () => (await healthy()) === 1);
  });
});
