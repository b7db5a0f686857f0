import type { HistogramStats } from '../ingress/index.js';
import type { Family, Labels, MetricType, Sample } from './text-format.js';

/** Before every name. */
export const PREFIX = 'uploadresponse_';

/** A metric: what it is called and where its value is taken from. */
export interface Definition<Source> {
  /** Without the prefix. */
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Names of its labels. None of them takes values without end. */
  readonly labels: readonly string[];
  read(source: Source): readonly Sample[];
}

/** The samples of all sources; `labels`: what a source's samples have beside their own. */
export function familyOf<Source>(
  { name, type, help, read }: Definition<Source>,
  sources: readonly Source[],
  labels: (source: Source) => Labels,
): Family {
  const samples = sources.flatMap((source) => {
    const common = labels(source);
    return read(source).map((sample) => ({ ...sample, labels: { ...common, ...sample.labels } }));
  });
  return { name: `${PREFIX}${name}`, type, help, samples };
}

/** A metric of one value; undefined: there is none now. */
export function single<Source>(
  type: 'counter' | 'gauge',
  name: string,
  help: string,
  value: (source: Source) => number | undefined,
): Definition<Source> {
  const read = (source: Source) => {
    const one = value(source);
    return one === undefined ? [] : [{ labels: {}, value: one }];
  };
  return { name, type, help, labels: [], read };
}

/** A metric with one value for each entry of a record, whose keys are the values of `label`. */
export function byKey<Source>(
  type: 'counter' | 'gauge',
  name: string,
  label: string,
  help: string,
  values: (source: Source) => Readonly<Partial<Record<string, number>>>,
): Definition<Source> {
  const read = (source: Source) => keyed(values(source), label, {});
  return { name, type, help, labels: [label], read };
}

/** One sample for each entry of a record. */
export function keyed(
  record: Readonly<Partial<Record<string, number>>>,
  label: string,
  labels: Labels,
): Sample[] {
  return Object.entries(record).map(([key, value = 0]) => ({
    labels: { ...labels, [label]: key },
    value,
  }));
}

/** The lines of one histogram. */
export function histogramSamples(
  { bounds, counts, sum }: HistogramStats,
  labels: Labels,
): Sample[] {
  let total = 0;
  const samples: Sample[] = counts.map((count, index) => {
    total += count;
    const bound = bounds[index];
    const le = bound === undefined ? '+Inf' : String(bound);
    return { suffix: '_bucket', labels: { ...labels, le }, value: total };
  });
  samples.push({ suffix: '_sum', labels, value: sum });
  samples.push({ suffix: '_count', labels, value: total });
  return samples;
}
