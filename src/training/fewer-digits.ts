// Figures as kept files have them. Pure.

/** Five significant digits: what is read by people need not be longer. Whole numbers and other values as they are. */
export const fewerDigits = <T>(value: T): T | number =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
