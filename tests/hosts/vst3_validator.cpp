// The tests of Steinberg's VST3 validator, run on one plugin.
//
// The validator program itself is not in clap-wrapper's copy of the SDK (MIT), but all of its tests are: this runs them, and
// those that the program runs only on demand. Two are left out there and here, because the SDK's own base class that
// clap-wrapper builds on does not pass them: InvalidStateTransitionTest and RepeatIdenticalStateTransitionTest.
// Built by tests/build.rs, called by tests/tests/vst3_validator.rs.

#include "public.sdk/source/vst/hosting/hostclasses.h"
#include "public.sdk/source/vst/hosting/module.h"
#include "public.sdk/source/vst/hosting/plugprovider.h"
#include "public.sdk/source/vst/testsuite/vsttestsuite.h"
#include "public.sdk/source/vst/utility/stringconvert.h"
#include "public.sdk/source/vst/utility/testing.h"
#include "pluginterfaces/base/funknownimpl.h"

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

namespace Steinberg {
// The SDK defines it in the validator program.
DEF_CLASS_IID (ITestResult)
} // namespace Steinberg

using namespace Steinberg;
using namespace Steinberg::Vst;

namespace {

// Prints what a test says.
class Report final : public U::ImplementsNonDestroyable<U::Directly<ITestResult>>
{
public:
	void PLUGIN_API addErrorMessage (const tchar* text) override { say ("error", text); }
	void PLUGIN_API addMessage (const tchar* text) override { say ("note", text); }

private:
	static void say (const char* kind, const tchar* text)
	{
		std::printf ("  %s: %s\n", kind, StringConvert::convert (reinterpret_cast<const TChar*> (text)).data ());
	}
};

// Hosts leave out of the process context what a plugin does not ask for: without position and tempo it would stand still.
class AsksForMusicalTime final : public TestBase
{
public:
	using TestBase::TestBase;
	const char* getName () const override { return "Asks for musical time"; }
	bool PLUGIN_API run (ITestResult*) override
	{
		using Needs = IProcessContextRequirements;
		const uint32 needed = Needs::kNeedTempo | Needs::kNeedProjectTimeMusic | Needs::kNeedTimeSignature |
		                      Needs::kNeedTransportState;
		auto needs = U::cast<Needs> (vstPlug);
		return needs && (needs->getProcessContextRequirements () & needed) == needed;
	}
};

using Make = std::function<TestBase*(ITestPlugProvider*)>;

template <typename Test, typename... Arguments>
Make with (Arguments... arguments)
{
	return [=] (ITestPlugProvider* provider) -> TestBase* { return new Test (provider, arguments...); };
}

std::vector<Make> allTests ()
{
	std::vector<Make> tests {
	    with<AsksForMusicalTime> (),
	    with<EditorClassesTest> (),
	    with<ScanBussesTest> (),
	    with<ScanParametersTest> (),
	    with<MidiMappingTest> (),
	    with<MidiLearnTest> (),
	    with<NoteExpressionTest> (),
	    with<KeyswitchTest> (),
	    with<ProgramInfoTest> (),
	    with<TerminateInitializeTest> (),
	    with<UnitInfoTest> (),
	    with<UnitStructureTest> (),
	    with<ParameterFunctionNameTest> (),
	    with<ProcessContextRequirementsTest> (),
	    with<BusConsistencyTest> (),
	    with<BusInvalidIndexTest> (),
	    with<BusActivationTest> (),
	    with<CheckAudioBusArrangementTest> (),
	    with<SideChainArrangementTest> (),
	};
	for (ProcessSampleSize size : {kSample32, kSample64})
	{
		const std::vector<Make> more {
		    with<ValidStateTransitionTest> (size),
		    with<SuspendResumeTest> (size),
		    with<ProcessFormatTest> (size),
		    with<ProcessTest> (size),
		    with<ProcessThreadTest> (size),
		    with<ProcessInputOverwritingTest> (size),
		    with<ProcessTailTest> (size),
		    with<SilenceFlagsTest> (size),
		    with<SilenceProcessingTest> (size),
		    with<VariableBlockSizeTest> (size),
		    with<BypassPersistenceTest> (size),
		    with<FlushParamTest> (size),
		    with<FlushParamTest2> (size),
		    with<FlushParamTest3> (size),
		};
		tests.insert (tests.end (), more.begin (), more.end ());
		for (SpeakerArrangement input : {SpeakerArr::kMono, SpeakerArr::kStereo})
			for (SpeakerArrangement output : {SpeakerArr::kMono, SpeakerArr::kStereo})
				tests.push_back (with<SpeakerArrangementTest> (size, input, output));
		for (int32 every : {1, 100, 1000})
			for (int32 parameters : {1, 16})
				for (bool exact : {false, true})
					tests.push_back (with<AutomationTest> (size, every, parameters, exact));
	}
	return tests;
}

} // namespace

// Runs all tests on the audio classes of a bundle, whose id must be the given one; returns how many failed, or -1 if none could be
// run.
extern "C" int resonantgen_validate_vst3 (const char* path, const char* classId)
{
	std::string error;
	auto module = VST3::Hosting::Module::create (path, error);
	if (!module)
	{
		std::printf ("%s cannot be loaded: %s\n", path, error.data ());
		return -1;
	}
	HostApplication host;
	PluginContextFactory::instance ().setPluginContext (&host);
	const auto& factory = module->getFactory ();
	factory.setHostContext (&host);
	TestingPluginContext::set (&host);
	int failed = 0;
	int run = 0;
	for (const auto& info : factory.classInfos ())
	{
		if (info.category () != kVstAudioEffectClass)
			continue;
		// As the SDK writes it into presets.
		if (info.ID ().toString () != classId)
		{
			std::printf ("The class id is %s, the presets' %s\n", info.ID ().toString ().data (), classId);
			++failed;
		}
		// As the validator's local instances: each test has a plugin of its own.
		for (const auto& make : allTests ())
		{
			auto provider = owned (new PlugProvider (factory, info, false));
			auto test = owned (make (provider));
			Report report;
			const bool passed = test->setup () && test->run (&report);
			const bool ended = test->teardown ();
			std::printf ("%s: %s\n", test->getName (), passed && ended ? "passed" : "FAILED");
			std::fflush (stdout);
			failed += !(passed && ended);
			++run;
		}
	}
	TestingPluginContext::set (nullptr);
	PluginContextFactory::instance ().setPluginContext (nullptr);
	return run > 0 ? failed : -1;
}
