import type { SegmentConfig } from '../config/index.js';
import { formatSize, humanBytes } from '../config/units.js';
import { UploadResponseError } from '../errors/index.js';
import type { GeometryPlan, MachineInfo } from '../ring/machine.js';

/** Whether the memory that is needed at start is there. */
export function fits(plan: GeometryPlan): boolean {
  return plan.startBytes <= plan.availableBytes;
}

/** What a geometry needs, what there is, and which keys to lower. */
export function explainShortage(
  segment: SegmentConfig,
  plan: GeometryPlan,
  machine: MachineInfo,
): string {
  const elastic = segment.memory === 'elastic';
  const lines = [
    `the segment needs ${humanBytes(plan.startBytes)} at start` +
      (elastic ? ` (${humanBytes(plan.totalBytes)} when every stream is in use)` : '') +
      `, and ${humanBytes(plan.availableBytes)} are free`,
    `  machine    ${humanBytes(machine.memoryAvailable)} available of ` +
      `${humanBytes(machine.memoryTotal)}`,
  ];
  if (Number.isFinite(machine.cgroupLimit)) {
    const free = Math.max(0, machine.cgroupLimit - machine.cgroupUsed);
    lines.push(
      `  container  ${humanBytes(free)} free of ${humanBytes(machine.cgroupLimit)} (cgroup limit)`,
    );
  }
  segment.pools.forEach((pool, index) => {
    const stages = pool.stages.length * pool.stageSlots;
    const slots = pool.requestSlots + pool.responseSlots + stages;
    lines.push(
      `  pool ${pool.name}: ${pool.streams} streams x (${pool.requestSlots} request + ` +
        `${pool.responseSlots} response${stages ? ` + ${stages} stage` : ''}) slots x ` +
        `${formatSize(pool.slotSize)} = ${humanBytes(pool.streams * slots * pool.slotSize)}` +
        `  (segment.pools.${index})`,
    );
  });
  lines.push(`lower ${keysToLower(segment).join(', ')}`);
  const slotsThatFit = affordableSlots(segment, plan);
  if (slotsThatFit) lines.push(slotsThatFit);
  if (!elastic) lines.push('or set segment.memory to elastic, which allocates warm streams only');
  lines.push('an upload of any size passes through a ring of few slots: 16 are enough');
  return lines.join('\n');
}

function keysToLower(segment: SegmentConfig): string[] {
  const sizes = segment.pools.map((pool) => pool.streams * pool.slotSize * pool.requestSlots);
  const largest = sizes.indexOf(Math.max(...sizes));
  const keys = ['requestSlots', 'responseSlots', 'streams', 'slotSize'].map(
    (key) => `segment.pools.${largest}.${key}`,
  );
  if (segment.memory === 'elastic') keys.push('segment.warmStreams');
  return keys;
}

/** For the usual segment of one pool: the number of slots that would fit into three quarters. */
function affordableSlots(segment: SegmentConfig, plan: GeometryPlan): string | undefined {
  const [pool, ...others] = segment.pools;
  if (!pool || others.length > 0 || segment.memory === 'elastic') return undefined;
  const perStream = (plan.availableBytes * 0.75) / (pool.streams * pool.slotSize);
  const request = Math.floor((perStream * 2) / 3);
  const response = Math.floor(perStream / 3);
  if (request < 4 || response < 4 || request > pool.requestSlots) return undefined;
  return (
    `with ${pool.streams} streams of ${formatSize(pool.slotSize)} slots, requestSlots ` +
    `${Math.min(request, 1024)} and responseSlots ${Math.min(response, 512)} would fit`
  );
}

/** @throws UploadResponseError OUT_OF_MEMORY with what is needed, what is there and what to lower */
export function requireMemory(
  segment: SegmentConfig,
  plan: GeometryPlan,
  machine: MachineInfo,
): void {
  if (!fits(plan)) {
    throw new UploadResponseError('OUT_OF_MEMORY', explainShortage(segment, plan, machine));
  }
}
