// SPDX-License-Identifier: Apache-2.0
// Line icons on a 20 × 20 grid. They decorate: the word beside them tells.
const PATHS = {
    overview: "M3 16V9m4.700 7V4m4.600 12v-5M17 16V7",
    devices: "M4 4h12v8H4zM7 16h6M10 12v4",
    rollouts: "M3 6h4v8H3zM8.500 8.500h3v5.500h-3zM13 11h4v3h-4zM3 3.500h14",
    images: "M10 2.500 16.500 6v8L10 17.500 3.500 14V6zM3.500 6 10 9.500 16.500 6M10 9.500v8",
    audit: "M5 2.500h7l3.500 3.500v11.500H5zM8 9.500h5M8 12.500h5M12 2.500V6h3.500",
    settings: "M4 6h7m4 0h1M4 14h1m4 0h7M13 4v4M7 12v4",
    alert: "M10 3 18 16.500H2zM10 8v4M10 14v.500",
    info: "M10 17.500a7.500 7.500 0 1 0 0-15 7.500 7.500 0 0 0 0 15zM10 9v5M10 6v.500",
    sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M15.700 4.300l-1.100 1.100M5.400 14.600l-1.100 1.100",
    moon: "M16 12.500A7 7 0 0 1 7.500 4a6.500 6.500 0 1 0 8.500 8.500z",
    auto: "M10 17a7 7 0 1 0 0-14zM10 3v14M10 3a7 7 0 0 0 0 14",
    out: "M8 3.500H3.500v13H8M8 10h9M14 6.500l3.500 3.500-3.500 3.500",
    plus: "M10 4v12M4 10h12",
    search: "M8.500 14a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM12.500 12.500 17 17",
    pause: "M7 4v12M13 4v12",
    play: "M6 4l10 6-10 6z",
    stop: "M5 5h10v10H5z",
    back: "M7 5 3 9l4 4M3 9h9a4.500 4.500 0 0 1 0 9h-2",
    check: "M4 10.500 8 14.500 16 5.500",
    retry: "M16 10a6 6 0 1 1-2-4.500M16 3v4h-4",
    close: "M5 5l10 10M15 5 5 15",
};

export function Icon({ name }) {
    return (
        <svg class="icon" viewBox="0 0 20 20" width="18" height="18" aria-hidden="true" focusable="false">
            <path d={PATHS[name]} fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" />
        </svg>
    );
}
