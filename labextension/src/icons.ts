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

/** A point in a ring, as what records has. */
export const trackIcon = new LabIcon({
  name: 'jupyter-mlx:track',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 2a8 8 0 1 1 0 16 8 8 0 0 1 0-16z"/>
  <circle class="mlx-Track-point jp-icon3" fill="#616161" cx="12" cy="12" r="4.5"/>
</svg>`
});

/** A camera. */
export const snapshotIcon = new LabIcon({
  name: 'jupyter-mlx:snapshot',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M9 4 7.2 6H4a2 2 0 0 0-2 2v10a2 2 0 0 0 2 2h16a2 2 0 0 0 2-2V8a2 2 0 0 0-2-2h-3.2L15 4zm3 4.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zm0 2a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z"/>
</svg>`
});

/** A page with lines on it. */
export const reportIcon = new LabIcon({
  name: 'jupyter-mlx:report',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M6 2a2 2 0 0 0-2 2v16c0 1.1.9 2 2 2h12a2 2 0 0 0 2-2V8l-6-6zm0 2h7v5h5v11H6zm2 8v2h8v-2zm0 4v2h6v-2z"/>
</svg>`
});

/** Two columns, one of them filled. */
export const compareIcon = new LabIcon({
  name: 'jupyter-mlx:compare',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M4 4h6.5v16H4zm9.5 0H20v16h-6.5zm2 2v12H18V6z"/>
</svg>`
});

/** Layers: the versions of data. */
export const dataIcon = new LabIcon({
  name: 'jupyter-mlx:data',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3" fill="#616161">
    <path d="M12 3C7 3 3.5 4.6 3.5 6.5S7 10 12 10s8.5-1.6 8.5-3.5S17 3 12 3z"/>
    <path d="M3.5 9v3c0 1.9 3.5 3.5 8.5 3.5s8.5-1.6 8.5-3.5V9c-1.7 1.5-5 2.3-8.5 2.3S5.200 10.500 3.500 9z"/>
    <path d="M3.5 14.5v3c0 1.900 3.500 3.500 8.5 3.5s8.5-1.6 8.5-3.5v-3c-1.7 1.5-5 2.3-8.5 2.3s-6.800-.8-8.500-2.300z"/>
  </g>
</svg>`
});

/** Boxes and the way between them. */
export const pipelineIcon = new LabIcon({
  name: 'jupyter-mlx:pipeline',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M2 4h8v6H7v3h7v-3h8v8h-8v-3H5v-5H2zm14 8v4h4v-4zM4 6v2h4V6z"/>
</svg>`
});

/** Lines, some of them under another one. */
export const groupIcon = new LabIcon({
  name: 'jupyter-mlx:group',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="M3 4h18v2H3zm5 5h13v2H8zm0 5h13v2H8zm-5 5h18v2H3z"/>
</svg>`
});

export const tagIcon = new LabIcon({
  name: 'jupyter-mlx:tag',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <path class="jp-icon3" fill="#616161" d="m21.4 11.6-9-9A2 2 0 0 0 11 2H4a2 2 0 0 0-2 2v7c0 .6.2 1 .6 1.4l9 9c.8.8 2 .8 2.8 0l7-7c.8-.8.8-2 0-2.8M5.5 7a1.5 1.5 0 1 1 0-3 1.5 1.5 0 0 1 0 3"/>
</svg>`
});
