export declare function seededBytes(seed: number, length?: number): Buffer;
export declare function digestOf(payload: Uint8Array, totalBytes: number): { sha256: string };
