/* The names are those of the device's own lists; errno values have none there and are shown by
 * number. In the order of the header, searched from the front: a name is wanted once per refusal,
 * for a person. */
#include "wire/device_error.h"

#include <stddef.h>

#include "base/attr.h"

/* Numbers without a row are "unknown" to people and still themselves to clients. */
static const struct {
    uint32_t number;
    const char *name;
} names[] = {
    {SPH_DEVERR_INVALID_STATE, "AppManager/InvalidState"},
    {SPH_DEVERR_NO_APP_WITH_MATCHING_ID, "AppManager/NoAppWithMatchingId"},
    {SPH_DEVERR_DEBUGGER_ALREADY_LOADED, "AppManager/DebuggerAlreadyLoaded"},
    {SPH_DEVERR_APPLICATION_IN_WRONG_STATE, "AppManager/ApplicationInWrongState"},
    {SPH_DEVERR_FAILED_TO_EXEC_PROCESS, "AppManager/FailedToExecProcess"},
    {SPH_DEVERR_DEVICE_NOT_DEV_UNLOCKED, "AppManager/DeviceNotDevUnlocked"},
    {SPH_DEVERR_FAILED_TO_ACQUIRE_MUTABLE_STORAGE,
     "AppManager/FailedToAcquireMutableStorageCapability"},
    {SPH_DEVERR_REQUESTED_PINS_ALREADY_USED, "AppManager/RequestedPinsAlreadyUsed"},
    {SPH_DEVERR_APP_ALREADY_EXISTS, "LifetimeManager/AppAlreadyExists"},
    {SPH_DEVERR_REBOOT_REQUIRED, "LifetimeManager/RebootRequired"},
    {SPH_DEVERR_NO_DEBUGGER_AVAILABLE, "LifetimeManager/NoDebuggerAvailable"},
    {SPH_DEVERR_DEBUGGING_NOT_SUPPORTED, "LifetimeManager/DebuggingNotSupported"},
    {SPH_DEVERR_INCOMPATIBLE_APPLICATION_RUNTIME, "LifetimeManager/IncompatibleApplicationRuntime"},
    {SPH_DEVERR_ALREADY_MOUNTED, "Mounter/AlreadyMounted"},
    {SPH_DEVERR_BAD_IMAGE_TYPE, "Mounter/BadImageType"},
    {SPH_DEVERR_NO_IMAGE_WITH_MATCHING_COMPONENT, "Mounter/NoImageFoundWithMatchingComponentId"},
    {SPH_DEVERR_UNDEFINED_GPIO_IN_MANIFEST, "Peripheral/UndefinedGpioInManifest"},
    {SPH_DEVERR_REQUESTED_GPIO_IN_USE, "Peripheral/RequestedGpioAlreadyInUse"},
    {SPH_DEVERR_GPIO_BLOCK_CONFLICT, "Peripheral/GpioBlockConflict"},
    {SPH_DEVERR_NO_FREE_SPACE_FOR_IMAGE, "ImageUpdate/FailedToFindFreeSpace"},
    {SPH_DEVERR_IMAGE_VERIFICATION_FAILED, "ImageUpdate/VerificationFailed"},
    {SPH_DEVERR_IMAGE_STAGING_FAILED, "ImageUpdate/ImageStagingFailed"},
    {SPH_DEVERR_IMAGE_EXCEEDS_COMPONENT_LIMIT, "ImageUpdate/ImageExceedsComponentSizeLimit"},
    {SPH_DEVERR_IMAGE_INSTALL_FAILED, "ImageUpdate/ImageInstallFailed"},
    {SPH_DEVERR_IMAGE_PERMISSION_DENIED, "ImageUpdate/PermissionDenied"},
    {SPH_DEVERR_OTA_UPDATE_IN_PROGRESS, "ImageUpdate/OTAUpdateInProgress"},
    {SPH_DEVERR_IMAGE_EXCEEDS_TYPE_LIMIT, "ImageUpdate/ImageExceedsImageTypeSizeLimit"},
    {SPH_DEVERR_INVALID_COMPONENT_ID, "ImageUpdate/InvalidComponentId"},
    {SPH_DEVERR_INVALID_JSON, "Rest/InvalidJsonRequest"},
    {SPH_DEVERR_REQUEST_DATA_EXPECTED, "Rest/RequestDataExpected"},
    {SPH_DEVERR_CONTENT_LENGTH_EXPECTED, "Rest/ContentLengthExpected"},
    {SPH_DEVERR_INTERFACE_BUSY, "Rest/InterfaceIsBusy"},
    {SPH_DEVERR_REQUEST_TOO_LARGE, "Rest/RequestEntityTooLarge"},
    {SPH_DEVERR_COMMAND_AUTHORIZATION_FAILED, "Rest/CommandAuthorizationFailed"},
    {SPH_DEVERR_TRIGGER_DOES_NOT_EXIST, "RestApp/TriggerDoesNotExist"},
    {SPH_DEVERR_APP_BUSY, "RestApp/IsBusy"},
    {SPH_DEVERR_CANNOT_START_DEBUG, "RestApp/CannotStartDebug"},
    {SPH_DEVERR_APP_NOT_PRESENT, "RestApp/AppNotPresent"},
    {SPH_DEVERR_CANNOT_PARSE_COMPONENT_ID, "RestApp/CannotParseComponentId"},
    {SPH_DEVERR_CANNOT_COMMIT_IMAGE, "RestApp/CannotCommitImage"},
    {SPH_DEVERR_NOT_ENOUGH_FREE_SPACE, "RestApp/NotEnoughFreeSpace"},
    {SPH_DEVERR_INVALID_REQUEST_METHOD, "Http/InvalidRequestMethod"},
    {SPH_DEVERR_INVALID_REQUEST_URI, "Http/InvalidRequestUri"},
    {SPH_DEVERR_INVALID_CONTENT_LENGTH, "Http/InvalidContentLength"},
    {SPH_DEVERR_UNSUPPORTED_IMAGE_TYPE, "RestUpdate/UnsupportedImageType"},
    {SPH_DEVERR_INVALID_IMAGE, "RestUpdate/InvalidImage"},
    {SPH_DEVERR_INVALID_MAC_ADDRESS, "NetConfig/InvalidMacAddress"},
    {SPH_DEVERR_INVALID_INTERFACE, "NetConfig/InvalidInterface"},
    {SPH_DEVERR_INTERFACE_NOT_PERMITTED, "NetConfig/InterfaceNotPermitted"},
    {SPH_DEVERR_CERT_IDENTIFIER_INVALID, "CertStorage/CertIdentifierInvalid"},
    {SPH_DEVERR_CERT_PRIVATE_KEY_MISMATCHED, "CertStorage/CertPrivateKeyMismatched"},
};

const char *sph_device_error_name(uint32_t device_error) {
    if (device_error >> 20 == SPH_CATEGORY_LINUX)
        return "Linux";
    for (size_t i = 0; i < SPH_ARRAY_SIZE(names); i++) {
        if (names[i].number == device_error)
            return names[i].name;
    }
    return "unknown";
}
