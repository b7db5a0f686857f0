import { type Definition, familyOf, PREFIX } from './definition.js';
import { PROCESS_METRICS } from './process-metrics.js';
import { SEGMENT_METRICS } from './segment-metrics.js';
import type { ProcessSnapshot, SegmentSnapshot } from './snapshots.js';
import { type Family, writeText } from './text-format.js';
import { TRANSPORT_METRICS } from './transport-metrics.js';

/** Prometheus text of a segment and the processes that serve it. */
export function renderMetrics(
  segment: SegmentSnapshot,
  processes: readonly ProcessSnapshot[],
): string {
  const ofProcesses = [...PROCESS_METRICS, ...TRANSPORT_METRICS].map(
    (one): Family => familyOf(one, processes, ({ process }) => ({ process })),
  );
  const ofSegment = SEGMENT_METRICS.map((one): Family => familyOf(one, [segment], () => ({})));
  return writeText([...ofProcesses, ...ofSegment]);
}

/** One row of docs/operations.md. */
export interface MetricRow {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
}

/** Every metric that there is. */
export function metricRows(): MetricRow[] {
  const row =
    (common: readonly string[]) =>
    ({ name, type, labels, help }: Pick<Definition<never>, keyof MetricRow>): MetricRow => ({
      name: `${PREFIX}${name}`,
      type,
      labels: [...common, ...labels],
      help,
    });
  return [
    ...[...TRANSPORT_METRICS, ...PROCESS_METRICS].map(row(['process'])),
    ...SEGMENT_METRICS.map(row([])),
  ];
}

/** The metrics as a Markdown table. */
export function metricsTable(): string {
  const rows = metricRows().map(({ name, type, labels, help }) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${shown} | ${help} |`;
  });
  return ['| Metric | Type | Labels | What it is |', '| --- | --- | --- | --- |', ...rows].join(
    '\n',
  );
}
