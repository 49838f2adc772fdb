import * as React from 'react';
import { TranslationBundle } from '@jupyterlab/translation';

import { useAsked } from '../components/hooks';
import { Section } from '../components/run/Section';
import { quantity } from '../format';
import { PageApi } from '../run/api';
import { IFigure } from '../run/wire';
import { drawDifference, loaded } from './pixels';

type Way = 'side' | 'slider' | 'pixels';

/** The figures of two runs: side by side, one over the other with a slider, or their pixels' difference. */
export function Figures(props: {
  a: string;
  b: string;
  round: number;
  page: PageApi;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { a, b, round, page, trans } = props;
  const [way, setWay] = React.useState<Way>('side');
  const asked = useAsked(
    () => Promise.all([page.figures(a), page.figures(b)]),
    `${a} ${b}`,
    round
  );
  if (asked.kind !== 'ready') {
    return null;
  }
  const pairs = paired(...asked.value);
  if (pairs.length === 0) {
    return null;
  }
  const ways: readonly (readonly [Way, string])[] = [
    ['side', trans.__('side by side')],
    ['slider', trans.__('slider')],
    ['pixels', trans.__('pixel difference')]
  ];
  return (
    <Section title={trans.__('Figures')}>
      <div
        className="mlx-Controls"
        role="radiogroup"
        aria-label={trans.__('How figures are compared')}
      >
        {ways.map(([value, label]) => (
          <label key={value}>
            <input type="radio" checked={way === value} onChange={() => setWay(value)} />
            {label}
          </label>
        ))}
      </div>
      {pairs.map(([name, before, after]) => (
        <figure key={name} className="mlx-Pair">
          <figcaption>
            {name}
            <span className="mlx-Section-aside">
              {before === after ? trans.__('the same') : ''}
            </span>
          </figcaption>
          {before === null || after === null || way === 'side' ? (
            <div className="mlx-Pair-side">
              <Picture address={before} name={trans.__('%1 of A', name)} trans={trans} />
              <Picture address={after} name={trans.__('%1 of B', name)} trans={trans} />
            </div>
          ) : way === 'slider' ? (
            <Slider before={before} after={after} name={name} trans={trans} />
          ) : (
            <Pixels before={before} after={after} name={name} trans={trans} />
          )}
        </figure>
      ))}
    </Section>
  );
}

type Pair = readonly [string, string | null, string | null];

function paired(before: readonly IFigure[], after: readonly IFigure[]): readonly Pair[] {
  const [a, b] = [before, after].map(
    side => new Map(side.map(figure => [figure.name, figure.address]))
  );
  const names = new Set([...before, ...after].map(figure => figure.name));
  return [...names].map(name => [name, a?.get(name) ?? null, b?.get(name) ?? null]);
}

function Picture(props: {
  address: string | null;
  name: string;
  trans: TranslationBundle;
}): JSX.Element {
  return props.address?.startsWith('data:image/') ? (
    <img src={props.address} alt={props.name} />
  ) : (
    <p className="mlx-Doubt">{props.trans.__('not there')}</p>
  );
}

interface IBoth {
  before: string;
  after: string;
  name: string;
  trans: TranslationBundle;
}

function Slider({ before, after, name, trans }: IBoth): JSX.Element {
  const [share, setShare] = React.useState(50);
  return (
    <div className="mlx-Slider">
      <div className="mlx-Slider-both">
        <img src={before} alt={trans.__('%1 of A', name)} />
        <img
          src={after}
          alt={trans.__('%1 of B', name)}
          style={{ clipPath: `inset(0 0 0 ${share}%)` }}
        />
      </div>
      <input
        type="range"
        min={0}
        max={100}
        value={share}
        aria-label={trans.__('How much of A is shown of %1', name)}
        onChange={event => setShare(Number(event.target.value))}
      />
    </div>
  );
}

/** Each pixel as far from white as the two pictures differ there. */
function Pixels({ before, after, name, trans }: IBoth): JSX.Element {
  const canvas = React.useRef<HTMLCanvasElement>(null);
  const [told, setTold] = React.useState('');
  React.useEffect(() => {
    let isWanted = true;
    const tell = (text: string) => isWanted && setTold(text);
    Promise.all([loaded(before), loaded(after)])
      .then(([a, b]) => {
        if (isWanted && canvas.current) {
          const share = drawDifference(canvas.current, a, b);
          tell(trans.__('%1 % of the pixels differ', quantity(share * 100, 2)));
        }
      })
      .catch(() => tell(trans.__('a picture could not be read')));
    return () => {
      isWanted = false;
    };
  }, [before, after, trans]);
  return (
    <div>
      <canvas
        ref={canvas}
        className="mlx-Pixels"
        role="img"
        aria-label={trans.__('Pixel difference of %1', name)}
      />
      <p className="mlx-Section-aside" role="status">
        {told}
      </p>
    </div>
  );
}
