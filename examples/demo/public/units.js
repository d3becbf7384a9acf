// Numbers for people.

const whole = new Intl.NumberFormat("en");

export const count = number => whole.format(Math.round(number));

export function bytes(number) {
  if (number < 10000) return `${count(number)} B`;
  if (number < 1e6) return `${(number / 1e3).toFixed(1)} kB`;
  return `${(number / 1e6).toFixed(1)} MB`;
}

export const milliseconds = number => number < 1 ? "< 1 ms" : `${count(number)} ms`;

export function duration(seconds) {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}
