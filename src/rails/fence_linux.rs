//! The fence on Linux: Landlock for paths, TCP and signals, seccomp for what Landlock does not look at.
//! In: a `Fence`. Out: the calling thread, and all it will start, behind it.
//! Never: less than what `LANDLOCK_MIN` gives; a newer kernel gives more.
//!
//! Landlock says where files may be made, written, cut, renamed, linked and removed. It does not look at modes, owners,
//! attributes and times, nor at sockets other than TCP; seccomp does, but sees numbers instead of paths. So modes and
//! owners cannot be changed anywhere, not even in the step's own directory; times cannot be set by path; and a step
//! without network has no sockets of any kind.

use std::{collections::BTreeMap, io, path::Path};

use landlock::{
    ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr as _, RulesetCreated, RulesetCreatedAttr as _, RulesetStatus, Scope,
};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};

use super::fence::Fence;

/// The first version that stops a file from being cut.
const LANDLOCK_MIN: ABI = ABI::V3;
/// The newest whose rights are known here; a kernel that has fewer gives what it has.
const LANDLOCK_MAX: ABI = ABI::V8;
/// Devices that keep nothing.
const DEVICES: [&str; 5] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"];

/// Everything that can be made before the thread is bound.
pub(super) struct Prepared {
    landlock: RulesetCreated,
    filters: Vec<BpfProgram>,
}

impl Prepared {
    pub(super) fn new(fence: &Fence) -> io::Result<Self> {
        let landlock = ruleset(fence).map_err(io::Error::other)?;
        let mut filters = Vec::new();
        if fence.writable.is_some() {
            filters.push(filter(metadata(), libc::EPERM)?);
        }
        if fence.silent {
            filters.push(filter(sockets(), libc::EACCES)?);
        }
        Ok(Self { landlock, filters })
    }

    /// Binds the calling thread, for ever. The version of Landlock that holds it.
    pub(super) fn put_up(self) -> io::Result<u32> {
        let cannot = |why: String| io::Error::new(io::ErrorKind::Unsupported, format!("the fence cannot be put up: {why}"));
        let status = self.landlock.restrict_self().map_err(|error| cannot(error.to_string()))?;
        if status.ruleset == RulesetStatus::NotEnforced || !status.no_new_privs {
            return Err(cannot("the kernel does not enforce Landlock".to_owned()));
        }
        for filter in &self.filters {
            seccompiler::apply_filter(filter).map_err(|error| cannot(format!("seccomp: {error}")))?;
        }
        match status.landlock {
            LandlockStatus::Available { effective_abi, kernel_abi } => {
                Ok(kernel_abi.and_then(|abi| u32::try_from(abi).ok()).unwrap_or(effective_abi as u32))
            }
            LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => Err(cannot("Landlock is off".to_owned())),
        }
    }
}

/// Tries all of it on the calling thread, which is not to be used afterwards.
pub(super) fn probe() -> Result<u32, String> {
    let fence = Fence { writable: Some(Vec::new()), silent: true };
    Prepared::new(&fence)
        .and_then(Prepared::put_up)
        .map_err(|error| format!("it needs Linux 6.2 or later with Landlock and seccomp switched on ({error})"))
}

fn ruleset(fence: &Fence) -> Result<RulesetCreated, landlock::RulesetError> {
    let mut rules = Ruleset::default();
    if fence.writable.is_some() {
        rules = rules
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessFs::from_write(LANDLOCK_MIN))?
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_write(LANDLOCK_MAX))?
            // What the step did not start is not its to end.
            .scope(Scope::from_all(LANDLOCK_MAX))?;
    }
    if fence.silent {
        // Sockets are closed by seccomp; this is the second lock, and keeps the processes of others from being traced.
        rules = rules.set_compatibility(CompatLevel::BestEffort).handle_access(AccessNet::from_all(LANDLOCK_MAX))?;
    }
    let mut created = rules.create()?.set_compatibility(CompatLevel::BestEffort);
    let Some(writable) = &fence.writable else { return Ok(created) };
    let all = AccessFs::from_write(LANDLOCK_MAX);
    for place in writable {
        created = open(created, place, all)?;
    }
    for device in DEVICES {
        let access = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
        created = open(created, Path::new(device), access)?;
    }
    Ok(created)
}

/// What is not there needs no right.
fn open(
    rules: RulesetCreated,
    place: &Path,
    access: landlock::BitFlags<AccessFs>,
) -> Result<RulesetCreated, landlock::RulesetError> {
    match PathFd::new(place) {
        Ok(fd) => rules.add_rule(PathBeneath::new(fd, access)),
        Err(_) => Ok(rules),
    }
}

/// Numbers that are the same on every architecture, and younger than the tables of `libc`.
const FCHMODAT2: i64 = 452;
const SETXATTRAT: i64 = 463;
const REMOVEXATTRAT: i64 = 466;
const FILE_SETATTR: i64 = 469;
/// `chattr`, by both of its ways.
const FS_IOC_SETFLAGS: u64 = 0x4008_6602;
const FS_IOC_FSSETXATTR: u64 = 0x401c_5820;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;
/// A call by its number, always or where one of its arguments is this.
type Call = (i64, Option<Argument>);
type Argument = (u8, SeccompCmpOp, u64);

/// Modes, owners, attributes, times by path; and what root could change of the machine itself.
fn metadata() -> Vec<Call> {
    let mut calls = vec![
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        FCHMODAT2,
        libc::SYS_fchown,
        libc::SYS_fchownat,
        libc::SYS_setxattr,
        libc::SYS_lsetxattr,
        libc::SYS_fsetxattr,
        SETXATTRAT,
        libc::SYS_removexattr,
        libc::SYS_lremovexattr,
        libc::SYS_fremovexattr,
        REMOVEXATTRAT,
        FILE_SETATTR,
        libc::SYS_sethostname,
        libc::SYS_setdomainname,
        libc::SYS_settimeofday,
        libc::SYS_clock_settime,
        libc::SYS_clock_adjtime,
        libc::SYS_adjtimex,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_swapoff,
        libc::SYS_acct,
        libc::SYS_init_module,
        libc::SYS_finit_module,
        libc::SYS_delete_module,
        libc::SYS_kexec_load,
        // It does the work of the calls above without making them.
        libc::SYS_io_uring_setup,
        libc::SYS_pidfd_getfd,
    ];
    #[cfg(target_arch = "x86_64")]
    calls.extend([
        libc::SYS_chmod,
        libc::SYS_chown,
        libc::SYS_lchown,
        libc::SYS_utime,
        libc::SYS_utimes,
        libc::SYS_futimesat,
        libc::SYS_kexec_file_load,
    ]);
    let mut all: Vec<_> = calls.into_iter().map(|call| (call, None)).collect();
    // Without a path it is for an open file, and `touch` needs that for what it has just made.
    all.push((libc::SYS_utimensat, Some((1, SeccompCmpOp::Ne, 0))));
    all.push((libc::SYS_ioctl, Some((1, SeccompCmpOp::Eq, FS_IOC_SETFLAGS))));
    all.push((libc::SYS_ioctl, Some((1, SeccompCmpOp::Eq, FS_IOC_FSSETXATTR))));
    all
}

/// A pair of sockets that only the step's own processes hold (`socketpair`) is a pipe, and stays.
fn sockets() -> Vec<Call> {
    let calls = [libc::SYS_socket, libc::SYS_io_uring_setup, libc::SYS_pidfd_getfd];
    calls.into_iter().map(|call| (call, None)).collect()
}

/// A program for another architecture is ended by the kernel: its numbers mean other calls.
fn filter(calls: Vec<Call>, errno: i32) -> io::Result<BpfProgram> {
    let mut rules = Rules::new();
    for (call, when) in calls {
        let of_call = match when {
            None => Vec::new(),
            Some((argument, operator, value)) => {
                // Commands of ioctl have 32 bits, pointers 64.
                let length = if value == 0 { SeccompCmpArgLen::Qword } else { SeccompCmpArgLen::Dword };
                let condition = SeccompCondition::new(argument, length, operator, value).map_err(io::Error::other)?;
                vec![SeccompRule::new(vec![condition]).map_err(io::Error::other)?]
            }
        };
        // The same calls by their x32 numbers, where a kernel has them.
        #[cfg(target_arch = "x86_64")]
        rules.entry(call | 0x4000_0000).or_default().extend(of_call.clone());
        rules.entry(call).or_default().extend(of_call);
    }
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let errno = SeccompAction::Errno(errno.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, errno, arch).map_err(io::Error::other)?;
    filter.try_into().map_err(io::Error::other)
}
