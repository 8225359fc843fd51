-- ResonantGen on a track of Ardour 7, its four stems on four mixer channels. For ardour7-lua; run by ardour.py.
--
-- Arguments: "make", the session's folder, how many times to record; or "song", the session's folder; or "render", the session's
-- folder, the export preset's id, a folder and a name for the file. The variables RESONANTGEN_RATE and RESONANTGEN_SECONDS, if set,
-- are the session's sample rate and the length of what is rendered.
-- "make" builds the session: the song generates with one seed, regenerates the melody with another, and locks the bass in
-- between. It plays it from the start, records each stem on its own channel, and saves. "render" opens it and exports the
-- four channels' sum faster than real time.

local phase, folder = arg[1], arg[2]
local RATE, NAME, PATIENCE = tonumber(os.getenv("RESONANTGEN_RATE") or 48000), "resonantgen", 120
local SECONDS = tonumber(os.getenv("RESONANTGEN_SECONDS") or 10)

local function sleep(seconds) ARDOUR.LuaAPI.usleep(math.floor(seconds * 1000000)) end

-- Waits until a condition holds, looking twenty times a second.
local function wait_until(holds, otherwise)
  for _ = 1, PATIENCE * 20 do
    if holds() then return end
    sleep(0.05)
  end
  error(otherwise)
end

-- Says it at once: Ardour may abort while it closes a session, and what waits in a buffer would be lost.
local function say(...)
  print(...)
  io.stdout:flush()
end

local backend = AudioEngine:set_backend("None (Dummy)", "ResonantGen test", "")
backend:set_driver("Normal Speed")
backend:set_device_name("Silence")
backend:set_sample_rate(RATE)
backend:set_buffer_size(1024)
assert(AudioEngine:start(false) == 0, "the audio engine does not start")

local session, generator, control_number
local function channels() return ARDOUR.ChanCount(ARDOUR.DataType("audio"), 18) end

-- Number of a parameter by its name, counted as the host does.
local function parameter(plugin, name)
  for index = 0, plugin:parameter_count() - 1 do
    if plugin:parameter_label(index) == name then return index end
  end
  error("there is no parameter '" .. name .. "'")
end

-- Automates a parameter: pairs of seconds and values, each held until the next.
local function automate(plugin, name, points)
  local _, list = ARDOUR.LuaAPI.plugin_automation(generator:nth_plugin(0), control_number[name])
  local before = nil
  for _, point in ipairs(points) do
    local at = math.floor(point[1] * RATE)
    if before then list:add(Temporal.timepos_t(at - 64), before, false, true) end
    list:add(Temporal.timepos_t(at), point[2], false, true)
    before = point[2]
  end
  local control = generator:the_instrument():to_insert()
  local id = Evoral.Parameter(ARDOUR.AutomationType.PluginAutomation, 0, parameter(plugin, name))
  control:to_automatable():automation_control(id, true):set_automation_state(ARDOUR.AutoState.Play)
end

local function stems()
  local found = {}
  for route in session:get_routes():iter() do
    if route:name():find("^Stem ") then found[#found + 1] = route:to_track() end
  end
  table.sort(found, function(a, b) return a:name() < b:name() end)
  assert(#found == 4, "there are four stems")
  return found
end

if phase == "make" or phase == "song" then
  session = create_session(folder, NAME, RATE)
  assert(session, "no session")
  for _ in ARDOUR.LuaAPI.list_plugins():iter() do end
  local info = ARDOUR.LuaAPI.new_plugin_info("ResonantGen", ARDOUR.PluginType.VST3)
  assert(not info:isnil(), "Ardour does not know the plugin")
  local midi = ARDOUR.ChanCount(ARDOUR.DataType("midi"), 1)
  local last = ARDOUR.PresentationInfo.max_order
  session:new_midi_track(midi, channels(), false, info, nil, nil, 1, "ResonantGen", last, ARDOUR.TrackMode.Normal, true)
  generator = session:route_by_name("ResonantGen")
  session:new_audio_track(2, 2, nil, 4, "Stem", last, ARDOUR.TrackMode.Normal, true)
  sleep(1) -- Ardour connects by itself in the meantime.
  assert(generator:output():n_ports():n_audio() == 18, "Main, four stems and four parts of the drums")
  local panner = generator:panner_shell()
  if not panner:isnil() then panner:set_bypassed(true) end
  for channel = 0, 17 do generator:output():audio(channel):disconnect_all() end
  for number, stem in ipairs(stems()) do
    for side = 0, 1 do
      stem:input():audio(side):disconnect_all()
      stem:input():audio(side):connect(generator:output():audio(2 * number + side):name())
    end
  end

  -- The plugin's note output is recorded on a track of its own.
  assert(generator:output():n_ports():n_midi() == 1, "the plugin has a note output")
  session:new_midi_track(midi, midi, false, ARDOUR.PluginInfo(), nil, nil, 1, "Notes", last, ARDOUR.TrackMode.Normal, true)
  sleep(1)
  local notes = session:route_by_name("Notes"):to_track()
  notes:input():midi(0):disconnect_all()
  notes:input():midi(0):connect(generator:output():midi(0):name())

  local insert = generator:the_instrument():to_insert()
  local plugin = insert:plugin(0)
  -- Ardour counts automatable parameters on their own.
  control_number = {}
  local count = 0
  for index = 0, plugin:parameter_count() - 1 do
    if plugin:parameter_is_control(index) and plugin:parameter_is_input(index) then
      control_number[plugin:parameter_label(index)] = count
      count = count + 1
    end
  end
  if phase == "song" then
    -- The state with the song comes into the saved session afterwards.
    automate(plugin, "Song Mode", { { 0, 1 } })
    assert(session:save_state("", false, false, false) == 0, "the session cannot be saved")
    say("made and saved")
    close_session()
    quit()
    return
  end
  -- Two bars of two seconds; a new take takes over on a bar line.
  automate(plugin, "Bars", { { 0, 2 / 32 } })
  automate(plugin, "Seed Mode", { { 0, 0.5 } })
  automate(plugin, "Seed", { { 0, 7 / 9999 }, { 4.05, 23 / 9999 } })
  automate(plugin, "Generate", { { 0, 0 }, { 0.1, 1 }, { 0.5, 0 } })
  automate(plugin, "Melody Regenerate", { { 0, 0 }, { 4.1, 1 }, { 4.5, 0 } })
  automate(plugin, "Bass Lock", { { 0, 0 }, { 4, 1 }, { 6, 0 } })
  for _, track in ipairs({ "Drums", "Bass", "Harmony", "Melody" }) do
    automate(plugin, track .. " Output", { { 0, 1 } })
  end
else
  session = load_session(folder, NAME)
  assert(session, "the session cannot be opened")
  sleep(1)
end

if phase == "render" then
  for _, stem in ipairs(stems()) do
    stem:monitoring_control():set_value(ARDOUR.MonitorChoice.MonitorInput, PBD.GroupControlDisposition.NoGroup)
  end
  sleep(0.3)
  local export = session:simple_export()
  assert(export:set_preset(arg[3]), "Ardour does not know the export preset")
  export:set_folder(arg[4])
  export:set_name(arg[5])
  export:set_range(0, SECONDS * RATE)
  assert(export:run_export(), "the session cannot be exported")
  say("rendered", arg[5])
  close_session()
  quit()
  return
end

local function stop()
  session:request_stop(false, false, ARDOUR.TransportRequestSource.TRS_UI)
  wait_until(function() return not session:transport_rolling() end, "the transport does not stop")
  sleep(0.5) -- While Ardour fades out and writes down what it has recorded, it does not hear what it is asked for.
end

-- Plays until all stems are heard: models may have to be loaded, and takes to be made.
local function wait_for_sound()
  local meter = session:route_by_name("ResonantGen"):peak_meter()
  local function heard()
    for channel = 2, 9 do
      if meter:meter_level(channel, ARDOUR.MeterType.MeterPeak) <= -70 then return false end
    end
    return true
  end
  session:request_roll(ARDOUR.TransportRequestSource.TRS_UI)
  wait_until(heard, "not all stems are heard")
  stop()
end

wait_for_sound()
for pass = 1, tonumber(arg[3]) do
  session:request_locate(0, false, ARDOUR.LocateTransportDisposition.MustStop, ARDOUR.TransportRequestSource.TRS_UI)
  wait_until(function() return session:transport_sample() == 0 end, "the transport does not go to the start")
  for _, stem in ipairs(stems()) do
    stem:rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
  end
  local notes = session:route_by_name("Notes"):to_track()
  notes:rec_enable_control():set_value(1, PBD.GroupControlDisposition.NoGroup)
  session:maybe_enable_record(true)
  session:request_roll(ARDOUR.TransportRequestSource.TRS_UI)
  wait_until(function() return session:transport_sample() >= SECONDS * RATE end, "the transport does not roll")
  stop()
  print("recorded", pass)
end
assert(session:save_state("", false, false, false) == 0, "the session cannot be saved")
say("recorded and saved")
close_session()
quit()
