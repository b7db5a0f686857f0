import type { Command } from 'commander';
import { isHttp3Enabled } from '../../config/http3.js';
import type { Config, LoadedConfig } from '../../config/index.js';
import type { FlagOverride } from '../../config/overrides.js';
import { ConfigError } from '../../config/problems.js';
import { defaultSocketPath } from '../../ring/socket-path.js';
import {
  type Check,
  checkGeometry,
  checkHttp3,
  checkKernel,
  checkLimits,
  checkMemory,
  checkNative,
  checkNode,
  checkPackage,
  checkShm,
  checkSrt,
  checkUdpBuffer,
  checkWebRtc,
} from '../checks.js';
import { EXIT_CODES, exitCodesText } from '../exit-codes.js';
import { checkCertificates, checkPorts, checkSocket, endpointsOf } from '../network-checks.js';
import { addConfigOptions, flagOverrides } from '../options.js';
import { type Style, styleFor } from '../terminal.js';

/** Adds `doctor` to the program. */
export function addDoctor(program: Command, dotted: readonly FlagOverride[]): void {
  const command = program
    .command('doctor')
    .summary('check machine, container and configuration')
    .description(
      'Checks what the service needs: Node, kernel, native binary, memory, ports, control socket, ' +
        'and whether the configured geometry fits. It changes nothing.',
    )
    .option('--json', 'the checks as JSON (docs/cli.md describes it)');
  addConfigOptions(command)
    .addHelpText(
      'after',
      `
Examples:
  upload-response doctor
  upload-response doctor --config production.yaml --json
${exitCodesText('ok', 'failed', 'usage')}`,
    )
    .action((options: { json?: boolean; config?: string }) => doctor(options, dotted));
}

async function doctor(
  options: { readonly json?: boolean; readonly config?: string },
  dotted: readonly FlagOverride[],
): Promise<void> {
  const checks = await runChecks(options, dotted);
  const failed = checks.some((check) => check.status === 'fail');
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ ok: !failed, checks }, null, 2)}\n`);
  } else {
    const style = styleFor(process.stdout);
    for (const check of checks) process.stdout.write(`${checkText(check, style)}\n`);
  }
  process.exitCode = failed ? EXIT_CODES.failed.code : EXIT_CODES.ok.code;
}

async function runChecks(
  options: { readonly config?: string },
  dotted: readonly FlagOverride[],
): Promise<Check[]> {
  const checks = [checkPackage(), checkNode(), checkKernel(), checkNative(), checkMemory()];
  const { loadConfig } = await import('../../config/index.js');
  let loaded: LoadedConfig<Config> | undefined;
  try {
    loaded = loadConfig({ file: options.config, flags: flagOverrides({ ...options }, dotted) });
    checks.push({ id: 'config', status: 'ok', detail: configText(loaded) });
  } catch (error) {
    checks.push(configFailure(error));
  }
  if (loaded) checks.push(checkGeometry(loaded.config.segment));
  checks.push(checkShm());
  const socket = loaded?.config.segment.socket ?? defaultSocketPath();
  const { check, live } = await checkSocket(socket);
  if (loaded) {
    const { config } = loaded;
    const streams = config.segment.pools.reduce((sum, pool) => sum + pool.streams, 0);
    checks.push(...checkLimits(streams), ...checkCertificates(config));
    const { processes } = config.server;
    const http3 = isHttp3Enabled(config.transports.http3);
    checks.push(checkSrt(config.transports.srt.enabled, processes));
    checks.push(await checkHttp3(http3, processes), ...(http3 ? checkUdpBuffer() : []));
    checks.push(await checkWebRtc(config.transports.webrtc.enabled, processes));
    checks.push(...(await checkPorts(endpointsOf(config), live)));
  }
  return [...checks, check];
}

function configText(loaded: LoadedConfig<Config>): string {
  return loaded.file ? `${loaded.file} is valid` : 'no configuration file: the defaults apply';
}

function configFailure(error: unknown): Check {
  if (!(error instanceof ConfigError)) throw error;
  return { id: 'config', status: 'fail', detail: error.message, remedy: error.remedy };
}

function checkText(check: Check, style: Style): string {
  const marks = { ok: style.green('ok  '), warn: style.yellow('warn'), fail: style.red('FAIL') };
  const line = `${marks[check.status]}  ${check.detail}`;
  return check.remedy ? `${line}\n      ${style.dim(`-> ${check.remedy}`)}` : line;
}
