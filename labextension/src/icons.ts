/**
 * Icons of our own, drawn in the colours of the theme.
 */
import { LabIcon } from '@jupyterlab/ui-components';

/** Runs under each other, the first of them playing. */
export const runsIcon = new LabIcon({
  name: 'jupyter-mlx:runs',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M3 3.2v6.6L8.6 6.5z"/>
    <rect x="11" y="5.5" width="10.5" height="2" rx="1"/>
    <circle cx="5.5" cy="13" r="2"/>
    <rect x="11" y="12" width="10.5" height="2" rx="1"/>
    <circle cx="5.5" cy="19.5" r="2"/>
    <rect x="11" y="18.5" width="7" height="2" rx="1"/>
  </g>
</svg>`
});

export const starIcon = new LabIcon({
  name: 'jupyter-mlx:star',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="m12 17.3 6.2 3.7-1.6-7L22 9.2l-7.2-.6L12 2 9.2 8.6 2 9.2 7.5 14l-1.7 7z"/>
</svg>`
});

export const trashIcon = new LabIcon({
  name: 'jupyter-mlx:trash',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M6 19c0 1.1.9 2 2 2h8a2 2 0 0 0 2-2V7H6zM8 9h8v10H8zm7.5-5-1-1h-5l-1 1H5v2h14V4z"/>
</svg>`
});
