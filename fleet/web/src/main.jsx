// SPDX-License-Identifier: Apache-2.0
import { render } from "preact";
import { useEffect, useState } from "preact/hooks";
import { get } from "./lib/api.js";
import { useLocation } from "./lib/hooks.js";
import * as live from "./lib/live.js";
import * as session from "./lib/session.js";
import * as theme from "./lib/theme.js";
import { Shell } from "./parts/shell.jsx";
import { Empty, PageHead } from "./parts/ui.jsx";
import { Toasts } from "./parts/dialog.jsx";
import { Audit } from "./pages/audit.jsx";
import { Device } from "./pages/device.jsx";
import { Devices } from "./pages/devices.jsx";
import { Images } from "./pages/images.jsx";
import { Login } from "./pages/login.jsx";
import { Overview } from "./pages/overview.jsx";
import { Rollout } from "./pages/rollout.jsx";
import { RolloutNew } from "./pages/rollout_new.jsx";
import { Rollouts } from "./pages/rollouts.jsx";
import { Settings } from "./pages/settings.jsx";

function Missing() {
    return <div class="page"><PageHead title="No such page" /><Empty icon="info" title="There is nothing at this address">The navigation leads on.</Empty></div>;
}

const PAGES = {
    overview: Overview, devices: Devices, device: Device, rollouts: Rollouts, rollout: Rollout, "rollout-new": RolloutNew, images: Images, audit: Audit, settings: Settings,
};

function App() {
    const [signedIn, setSignedIn] = useState(!!session.token());
    const [who, setWho] = useState(null);
    const { page, id } = useLocation();
    useEffect(() => session.watch(() => setSignedIn(!!session.token())), []);
    useEffect(() => {
        if (!signedIn)
            return;
        live.start();
        // Without that endpoint there is one token, which may do everything.
        get("/whoami").then(setWho, (error) => error.status === 404 && setWho({ name: "operator", role: "admin" }));
        return () => {
            live.stop();
            setWho(null);
        };
    }, [signedIn]);
    if (!signedIn)
        return <Login />;
    const Page = PAGES[page] || Missing;
    return <Shell page={page} who={who}><Page key={page + "/" + (id || "")} id={id} who={who} /><Toasts /></Shell>;
}

theme.start();
render(<App />, document.getElementById("app"));
