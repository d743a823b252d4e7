import { messages } from '../messages';

export type Kind = 'succeeded' | 'failed' | 'canceled' | 'unfinished';

interface Bar {
  label: string;
  parts: { kind: Kind; value: number }[];
}

const height = 120;
const barWidth = 12;
const gap = 3;

const total = ({ parts }: Bar) => parts.reduce((sum, { value }) => sum + value, 0);

/** Stacked bars. A screen reader gets the description and the numbers as a table. */
export function BarChart({ bars, description }: { bars: Bar[]; description: string }) {
  const highest = Math.max(1, ...bars.map(total));
  if (bars.length === 0) return <p className="hint">{messages.operate.noTasks}</p>;
  return (
    <figure className="chart">
      <svg
        viewBox={`0 0 ${bars.length * (barWidth + gap)} ${height}`}
        preserveAspectRatio="xMinYMid meet"
        role="img"
        aria-label={description}
      >
        {bars.map((bar, index) => (
          <Stack key={index} bar={bar} x={index * (barWidth + gap)} scale={height / highest} />
        ))}
      </svg>
      <figcaption className="row space-between hint">
        <span>{bars[0]!.label}</span>
        <span>{description}</span>
        <span>{bars.at(-1)!.label}</span>
      </figcaption>
    </figure>
  );
}

function Stack({ bar, x, scale }: { bar: Bar; x: number; scale: number }) {
  let top = height;
  return (
    <g>
      <title>{messages.operate.bar(bar.label, bar.parts.map(({ kind, value }) => messages.operate.part(kind, value)))}</title>
      {bar.parts.map(({ kind, value }) => {
        top -= value * scale;
        return <rect key={kind} className={kind} x={x} y={top} width={barWidth} height={value * scale} />;
      })}
    </g>
  );
}
