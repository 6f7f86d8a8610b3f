// Figures as a reader wants them: durations, counts, shares.

/** The unit in which a run of this many seconds is best read. */
export function timeUnit(seconds: number): { name: string; seconds: number } {
  if (seconds < 300) return { name: 'seconds', seconds: 1 };
  if (seconds < 3 * 3600) return { name: 'minutes', seconds: 60 };
  return { name: 'hours', seconds: 3600 };
}

/** 3723 → "1 h 02 min 03 s"; leading zero units are left out. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, min, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, '0');
  if (h > 0) return `${h} h ${two(min)} min ${two(s)} s`;
  return min > 0 ? `${min} min ${two(s)} s` : `${s} s`;
}

/** 1234567 → "1,234,567". */
export const integer = (value: number): string => value.toLocaleString('en-US');

/** 0.9733 → "97.3", where the sign stands elsewhere. */
export const hundredths = (share: number): string => (100 * share).toFixed(1);

/** 0.9733 → "97.3%". */
export const percent = (share: number): string => `${hundredths(share)}%`;

/** Three significant digits without a needless exponent: 0.00050 → "0.0005". */
export const short = (value: number): string => String(Number(value.toPrecision(3)));
